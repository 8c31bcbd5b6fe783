// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.toy;

import dev.heapwalk.testkit.CProgram;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/** A program with an allocator of its own in a block of malloc, which keeps a ledger of both. */
final class ToyProgram implements AutoCloseable {
    /**
     * The arena begins with its size and the offset of its end; each block with its size, whether it is free, and a
     * letter that says what it is for.
     */
    private static final String SOURCE = """
            #include <stdint.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            struct block { uint32_t size, free; uint64_t letter; };
            struct arena { uint64_t magic, size, end; };
            struct arena *toy_arena;
            static void *get(uint32_t size, char letter) {
                struct block *b = (struct block *) ((char *) toy_arena + toy_arena->end);
                b->size = size + sizeof *b;
                b->free = 0;
                b->letter = (uint64_t) letter;
                toy_arena->end += b->size;
                memset(b + 1, 0x80, size);
                return b + 1;
            }
            static void toy(int i) {
                uint32_t size = 8 + i * 24 % 1000;
                char letter = "abc"[i % 3];
                void *p = get(size, letter);
                if (i % 7 == 3) ((struct block *) p - 1)->free = 1;
                else printf("toy %p %u %c\\n", p, size, letter);
            }
            int main(void) {
                // Its buffer would be made at the first read, which comes when a walk may have begun.
                setvbuf(stdin, NULL, _IONBF, 0);
                uint64_t size = 64 << 10;
                toy_arena = malloc(size);
                toy_arena->magic = 0x594f54;
                toy_arena->size = size;
                toy_arena->end = sizeof *toy_arena + 8;
                int i = 0;
                for (; i < 60; i++) {
                    toy(i);
                    size_t n = 24 + i * 40;
                    char *p = malloc(n);
                    memset(p, 0x81, n);
                    if (i % 5 == 2) { free(p); printf("freed %p %zu -\\n", (void *) p, n); }
                    else printf("malloc %p %zu -\\n", (void *) p, n);
                }
                printf("arena %p %zu -\\n", (void *) toy_arena, (size_t) size);
                puts("END");
                fflush(stdout);
                while (getchar() != EOF) {
                    toy(i++);
                    puts("END");
                    fflush(stdout);
                }
                return 0;
            }
            """;

    /**
     * One line of the ledger.
     *
     * @param kind {@code toy}, {@code malloc}, {@code freed} or {@code arena}
     * @param size bytes that were asked for
     * @param letter what a block of the arena is for
     */
    record Entry(String kind, long size, char letter) {}

    private final Process process;
    private final BufferedReader output;
    private final Map<Long, Entry> ledger = new TreeMap<>();

    ToyProgram() throws IOException {
        process = new ProcessBuilder(CProgram.compile("toy", SOURCE).toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        output = process.inputReader(StandardCharsets.UTF_8);
        read();
    }

    private void read() throws IOException {
        for (String line = output.readLine(); !line.equals("END"); line = output.readLine()) {
            String[] words = line.split(" ");
            ledger.put(Long.decode(words[1]), new Entry(words[0], Long.parseLong(words[2]), words[3].charAt(0)));
        }
    }

    long pid() {
        return process.pid();
    }

    /** What the program has, by address. */
    Map<Long, Entry> ledger() {
        return ledger;
    }

    long address(String kind) {
        return ledger.entrySet().stream()
                .filter(entry -> entry.getValue().kind().equals(kind))
                .findFirst()
                .orElseThrow()
                .getKey();
    }

    /** Has it make one more block in its arena. */
    void more() throws IOException {
        process.getOutputStream().write('\n');
        process.getOutputStream().flush();
        read();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
