// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.testkit.CProgram;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A C program that says what it allocated, where, and then waits. */
final class KnownProcess implements AutoCloseable {
    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <malloc.h>
            #include <pthread.h>
            #include <stdint.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <sys/prctl.h>
            #include <sys/syscall.h>
            #include <unistd.h>

            static char buffer[1 << 16];
            static pthread_barrier_t allocated;

            static void *get(const char *what, size_t size) {
                char *p = malloc(size);
                memset(p, 0xee, size);
                printf("%s %p %zu\\n", what, (void *)p, malloc_usable_size(p));
                return p;
            }

            static void *second(void *unused) {
                (void)unused;
                for (int i = 0; i < 30; i++) get("thread", 700);
                for (int i = 0; i < 5; i++) { void *p = get("passing", 60); free(p); }
                printf("tid 0 %ld\\n", (long)syscall(SYS_gettid));
                pthread_barrier_wait(&allocated);
                while (1) pause();
                return NULL;
            }

            int main(int argc, char **argv) {
                setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
                if (argc > 2) prctl(PR_SET_NAME, argv[2], 0, 0, 0);
                for (int i = 0; i < 100; i++) get("used", 5000);
                for (int i = 0; i < 50; i++) get("used", 1 + i * 37);
                void *cached[7];
                for (int i = 0; i < 7; i++) cached[i] = get("cached", 300);
                void *freed[10];
                for (int i = 0; i < 10; i++) { freed[i] = get("freed", 3000); get("used", 40); }
                get("mapped", 3 << 20);
                for (int i = 0; i < 20; i++) {
                    char *s = malloc(72);
                    memset(s, 0, 72);
                    sprintf(s, "the text of string number %d", i);
                    printf("string %p %zu\\n", (void *)s, malloc_usable_size(s));
                }
                char *hostile = malloc(72);
                memset(hostile, 0, 72);
                strcpy(hostile, "\\033]0;title\\007\\302\\233\\342\\200\\256\\377\\"hostile");
                printf("hostile %p %zu\\n", (void *)hostile, malloc_usable_size(hostile));
                if (argc > 1 && strcmp(argv[1], "damaged") == 0) {
                    void *a = get("broken", 900);
                    get("used", 900);
                    ((size_t *)a)[-1] = 0x10;
                }
                pthread_t thread;
                pthread_barrier_init(&allocated, NULL, 2);
                pthread_create(&thread, NULL, second, NULL);
                pthread_barrier_wait(&allocated);
                // Last of all, so that no block is handed out again.
                for (int i = 0; i < 7; i++) free(cached[i]);
                for (int i = 0; i < 10; i++) free(freed[i]);
                // Two pages with one between them that is not there.
                char *pages = mmap(NULL, 3 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                memset(pages, 'A', 3 << 12);
                munmap(pages + (1 << 12), 1 << 12);
                printf("pages %p 0\\n", (void *)pages);
                printf("READY 0 0\\n");
                fflush(stdout);
                while (getchar() != EOF) {}
                _exit(0);
            }
            """;

    private static Path program;

    /** A line of the ledger: an address and the usable size. */
    record Block(String address, long usable) {
        /** The chunk's size, from malloc_usable_size: an mmapped chunk has one word more of its own. */
        long chunkSize(boolean mmapped) {
            return usable + (mmapped ? 16 : 8);
        }
    }

    private final Process process;
    private final ProcessHandle self;
    private final Map<String, List<Block>> ledger = new HashMap<>();

    private KnownProcess(Process process) throws IOException {
        this.process = process;
        BufferedReader said =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        while (true) {
            String line = said.readLine();
            if (line == null) {
                throw new IOException("the known process ended early");
            }
            String[] words = line.split(" ");
            if (words[0].equals("READY")) {
                break;
            }
            ledger.computeIfAbsent(words[0], word -> new ArrayList<>())
                    .add(new Block(words[1], Long.parseLong(words[2])));
        }
        // It has no children itself; what there is before it has one.
        ProcessHandle last = process.toHandle();
        while (last.children().findFirst().isPresent()) {
            last = last.children().findFirst().orElseThrow();
        }
        self = last;
    }

    static synchronized Path program() throws IOException {
        if (program == null) {
            program = CProgram.compile("known", SOURCE);
        }
        return program;
    }

    /** The same program, made with more options for the compiler, such as {@code -static}. */
    static Path program(String... options) throws IOException {
        return CProgram.compile("known", SOURCE, options);
    }

    /** Starts it. A first argument {@code damaged} lets it damage its heap; a second one is the name it takes. */
    static KnownProcess start(String... arguments) throws IOException {
        List<String> line = new ArrayList<>(List.of(program().toString()));
        line.addAll(List.of(arguments));
        return start(line);
    }

    /** Starts it by a command line, which may put other processes before it, such as a shell. */
    static KnownProcess start(List<String> line) throws IOException {
        return new KnownProcess(new ProcessBuilder(line)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start());
    }

    String pid() {
        return Long.toString(self.pid());
    }

    boolean alive() {
        return self.isAlive();
    }

    List<Block> blocks(String... kinds) {
        List<Block> blocks = new ArrayList<>();
        for (String kind : kinds) {
            blocks.addAll(ledger.getOrDefault(kind, List.of()));
        }
        return blocks;
    }

    /** The address of the first block of a kind. */
    String address(String kind) {
        return ledger.get(kind).getFirst().address();
    }

    long secondThread() {
        return ledger.get("tid").getFirst().usable();
    }

    @Override
    public void close() {
        if (self.pid() != process.pid()) {
            self.destroyForcibly();
        }
        process.destroyForcibly();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
