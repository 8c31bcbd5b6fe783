// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Damage;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A program whose arena is as one that changes while it is read: by the time that the first chunk of a list is read, it
 * is in use and holds data. Here it is so for good, in most of the lists.
 */
class ChangingArenaTest {
    /** Frees a chunk for each of 50 bins and writes to it; what is held lies between them. */
    private static final String SOURCE = """
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>
            enum { BINS = 50 };
            static char *freed[BINS], *held[BINS];
            static char line[100];
            static void tell(void *block, size_t size)
            {
                ssize_t length = snprintf(line, sizeof line, "%p %zu\\n", block, size);
                if (write(1, line, length) != length)
                    abort();
            }
            int main(void)
            {
                for (int i = 0; i < BINS; i++) {
                    size_t size = i < 32 ? 1100 + 64 * i : 3200 + 512 * (i - 32);
                    freed[i] = malloc(size);
                    held[i] = malloc(100);
                    memset(held[i], 'h', 100);
                }
                for (int i = 0; i < BINS; i++)
                    free(freed[i]);
                /* Too large for any of them: all are put into their bins. */
                void *large = malloc(60000);
                memset(large, 'l', 60000);
                for (int i = 0; i < BINS; i++)
                    memset(freed[i], 'b', 32);
                for (int i = 0; i < BINS; i++)
                    tell(held[i], 100);
                tell(large, 60000);
                ssize_t length = snprintf(line, sizeof line, "pid %d\\nREADY\\n", (int)getpid());
                if (write(1, line, length) != length)
                    abort();
                sleep(600);
                return 0;
            }
            """;

    private static final int BINS = 50;
    /** Some sizes share a bin. */
    private static final int MOST = 40;

    static List<Release> releases() {
        return Release.debian();
    }

    @ParameterizedTest
    @MethodSource("releases")
    void itIsRecognisedAndAllThatIsHeldIsFound(Release release) throws IOException {
        String program = CProgram.portableSource("changing-arena", SOURCE).install(release, false);
        List<String> command = release.command(false, List.of(program));
        try (ToldProgram told = new ToldProgram(Map.of(), command.toArray(String[]::new))) {
            assertThat(told.blocks).hasSize(BINS + 1);
            for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                try (Target target = Target.observe(told.pid)) {
                    MallocHeap heap = MallocHeap.locate(target, symbols);
                    check(heap, told);
                    // What was recognised once is so the next time.
                    check(heap.refresh(), told);
                }
                try (Target target = Target.attach(told.pid)) {
                    check(MallocHeap.locate(target, symbols), told);
                }
            }
        }
    }

    private static void check(MallocHeap heap, ToldProgram told) {
        Map<Long, Long> used = new HashMap<>();
        try (ChunkCursor chunk = heap.chunks()) {
            while (chunk.next()) {
                if (chunk.state() == ChunkState.USED) {
                    used.put(chunk.userAddress(), chunk.usableSize());
                }
            }
        }
        assertThat(used.keySet()).containsAll(told.blocks.keySet());
        told.blocks.forEach((address, size) -> assertThat(used.get(address)).isGreaterThanOrEqualTo(size));
        heap.arenas().forEach(heap::bins);
        assertThat(heap.damage()).extracting(Damage::reason).hasSizeGreaterThan(MOST);
    }
}
