// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.libc.LibcCategories;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import java.io.BufferedReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** What is taken for C strings, of a program that keeps a ledger of what it put into each block. */
class StringDataTest {
    private static final String PROGRAM = """
            #include <malloc.h>
            #include <stdint.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>
            static struct { const char *kind; void *at; } *ledger;
            static int count;
            static void *note(const char *kind, void *at) {
                ledger[count].kind = kind;
                ledger[count++].at = at;
                return at;
            }
            static uint64_t state = 88172645463325252u;
            static uint64_t number(void) {
                state ^= state << 13; state ^= state >> 7; state ^= state << 17;
                return state;
            }
            static void letters(char *to, size_t length) {
                for (size_t i = 0; i < length; i++) to[i] = (char) ('a' + number() % 26);
            }
            /* A block as one that was used before: bytes that are no text lie in it. */
            static char *used(size_t usable) {
                char *block = malloc(usable);
                memset(block, 0xaa, malloc_usable_size(block));
                return block;
            }
            int main(void) {
                /* The ledger lies in a mapping of its own. */
                ledger = calloc(1 << 20, sizeof *ledger);
                for (int round = 0; round < 3; round++) {
                    for (size_t length = 3; length < 1500; length++) {
                        char *string = malloc(length + 1);
                        letters(string, length);
                        string[length] = 0;
                        note("string", string);
                    }
                    for (size_t length = 3; length < 200; length++) {
                        char *string = calloc(1, 3 * length + 1);
                        for (size_t i = 0; i < length; i++) memcpy(string + 3 * i, i % 2 ? "\\u20ac" : "\\u00e9a", 3);
                        note("UTF-8", string);
                        char *buffer = calloc(1, 512);
                        letters(buffer, length + 5);
                        note("buffer", buffer);
                    }
                    for (size_t usable = 24; usable < 1000; usable += 16) {
                        char *whole = used(usable);
                        letters(whole, usable);
                        note("vector that fills", whole);
                        for (size_t less = 1; less < 16 && usable - less > 15; less++) {
                            char *vector = used(usable);
                            letters(vector, usable - less);
                            note("vector before garbage", vector);
                        }
                        for (size_t less = 1; less < 32 && usable - less > 15; less++) {
                            char *string = used(usable);
                            letters(string, usable - less);
                            string[usable - less] = 0;
                            note("string before garbage", string);
                        }
                    }
                    void *before = ledger[count - 1].at;
                    for (int i = 1; i < 3000; i++) {
                        void **node = calloc(1, 24 + 16 * (i % 4));
                        node[0] = before;
                        before = note("one pointer", node);
                        void **array = calloc(i % 50 + 1, sizeof *array);
                        for (int j = 0; j <= i % 50; j++) array[j] = ledger[number() % count].at;
                        note("pointers", array);
                    }
                    for (int i = 0; i < 3000; i++) {
                        uint32_t *numbers = calloc(10 + i % 20, sizeof *numbers);
                        numbers[0] = 0x616161 + i;
                        note("number before zeros", numbers);
                        unsigned char *bytes = malloc(40 + i % 100);
                        for (int j = 0; j < 40 + i % 100; j++) bytes[j] = (unsigned char) (number() % 255 + 1);
                        bytes[0] |= 0x80;
                        bytes[1] = 0x20;
                        note("bytes", bytes);
                    }
                }
                for (int i = 0; i < count; i++) printf("%p %s\\n", ledger[i].at, ledger[i].kind);
                puts("END");
                fflush(stdout);
                pause();
            }
            """;

    @Test
    void stringsAreFoundAndPointersAreNone() throws Exception {
        Path program = CProgram.compile("strings-and-others", PROGRAM, "-O1");
        Path fixed = CProgram.compile("strings-and-others-fixed", PROGRAM, "-O1", "-no-pie");
        // Without the kernel's own disorder a heap lies at 0x5555..., or right behind a program that can't be moved.
        check(List.of("setarch", "-R", program.toString()));
        check(List.of("setarch", "-R", fixed.toString()));
        check(List.of(program.toString()));
    }

    private static void check(List<String> line) throws Exception {
        Process process = new ProcessBuilder(line).start();
        try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
            Map<Long, String> ledger = new HashMap<>();
            for (String told = output.readLine(); !told.equals("END"); told = output.readLine()) {
                ledger.put(Long.decode(told.split(" ", 2)[0]), told.split(" ", 2)[1]);
            }
            Map<String, List<String>> wrong = new TreeMap<>();
            Map<String, Integer> seen = new TreeMap<>();
            try (Target target = Target.observe(process.pid());
                    UsageCursor cursor = UsageCursor.over(Heaps.of(MallocHeap.locate(target)))) {
                while (cursor.next()) {
                    String kind = ledger.get(cursor.address());
                    if (kind == null || cursor.state() != BlockState.USED) {
                        continue;
                    }
                    seen.merge(kind, 1, Integer::sum);
                    boolean text = kind.startsWith("string") || kind.equals("UTF-8") || kind.equals("buffer");
                    if (text != cursor.category().equals(LibcCategories.STRING_DATA)) {
                        wrong.computeIfAbsent(kind, _ -> new ArrayList<>())
                                .add("0x%x of %d bytes".formatted(cursor.address(), cursor.usableSize()));
                    }
                }
            }
            assertThat(seen.values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(ledger.size());
            assertThat(seen).hasSize(10);
            assertThat(wrong).as(String.join(" ", line)).isEmpty();
        } finally {
            process.destroyForcibly().waitFor();
        }
    }
}
