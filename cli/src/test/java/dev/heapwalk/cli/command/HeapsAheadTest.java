// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Grandchild;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Heaps that were located while a process ran on, of which much changes before it is stopped: held against the
 * program's own count, and against a look at the process that knew nothing before.
 */
class HeapsAheadTest {
    private static final String SOURCE = """
            #include <dlfcn.h>
            #include <pthread.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>
            static volatile long count;
            /* Blocks of a size that nobody else asks for. */
            static void more(long blocks) {
                for (long i = 0; i < blocks; i++) *(char *) malloc(5000) = 1;
                count += blocks;
            }
            static void *work(void *unused) {
                free(malloc(100));
                more(50);
                for (;;) pause();
            }
            int main(int argc, char **argv) {
                setvbuf(stdin, 0, _IONBF, 0);
                more(argc > 1 ? 7 : 20);
                printf("%ld\\n", count);
                fflush(stdout);
                char line[64];
                while (fgets(line, sizeof line, stdin)) {
                    long before = count;
                    pthread_t thread;
                    if (!strncmp(line, "grow", 4)) more(20000);
                    if (!strncmp(line, "thread", 6) && !pthread_create(&thread, 0, work, 0)) while (count < before + 50);
                    if (!strncmp(line, "map", 3)) for (int i = 0; i < 10; i++) *(char *) malloc(1 << 20) = 1;
                    if (!strncmp(line, "load", 4) && !dlopen("libm.so.6", RTLD_NOW)) return 9;
                    if (!strncmp(line, "exec", 4)) execl(argv[0], argv[0], "again", (char *) 0);
                    printf("%ld\\n", count);
                    fflush(stdout);
                }
            }
            """;
    private static final long CHUNK = 5008;

    private record Seen(long counted, long blocks, List<String> regions) {}

    @ParameterizedTest
    @EnumSource
    void whatChangesBeforeTheStopIsSeen(HeapCommand.Scope scope) throws IOException {
        String program = CProgram.compile("ahead", SOURCE, "-pthread").toString();
        Grandchild process = Grandchild.start(new ProcessBuilder(program));
        try (BufferedReader answers = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
            long count = Long.parseLong(answers.readLine());
            try (Target target = Target.observe(process.pid())) {
                for (String change : List.of(
                        "nothing", "grow", "thread", "map", "load", "grow", "exec", "nothing", "thread", "exec")) {
                    HeapsAhead ahead = HeapsAhead.of(Heaps.of(target), scope);
                    process.getOutputStream().write((change + "\n").getBytes());
                    process.getOutputStream().flush();
                    long before = count;
                    count = Long.parseLong(answers.readLine());
                    Seen seen;
                    try (var _ = target.stop()) {
                        seen = seen(scope.of(ahead.now(target)));
                    }
                    assertThat(seen.counted).as(change).isEqualTo(count);
                    if (change.equals("exec")) {
                        assertThat(count).isEqualTo(7).isLessThan(before);
                    }
                    try (Target stopped = Target.attach(process.pid())) {
                        assertThat(seen).as(change).isEqualTo(seen(scope.of(Heaps.of(stopped))));
                    }
                }
            }
        } finally {
            process.destroyForcibly();
        }
    }

    private static Seen seen(Heaps heaps) {
        long counted = 0;
        long blocks = 0;
        List<String> regions = new ArrayList<>();
        for (Heap heap : heaps.list()) {
            BlockCursor block = heap.blocks();
            while (block.next()) {
                blocks++;
                counted += block.state() == BlockState.USED && block.size() == CHUNK ? 1 : 0;
            }
            assertThat(block.damage()).isEmpty();
            assertThat(heap.damage()).isEmpty();
            assertThat(heap.missing()).isEmpty();
            regions.add(heap.name() + " " + block.totalBytes());
        }
        return new Seen(counted, blocks, regions);
    }
}
