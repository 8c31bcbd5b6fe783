// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.struct.Words;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Goes steadily through a large area whose every word holds its own address, with a page missing here and there. */
class ReadAheadTest {
    private static final long SIZE = 96L << 20;
    private static final long BETWEEN_HOLES = 17L << 20;

    private static final String SOURCE =
            """
            #include <stdio.h>
            #include <stdint.h>
            #include <sys/mman.h>
            #include <unistd.h>
            int main(void) {
                long size = 96L << 20;
                char *area = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                for (long i = 0; i < size; i += 8) *(uintptr_t *)(area + i) = (uintptr_t)(area + i);
                for (long i = 17L << 20; i < size; i += 17L << 20) munmap(area + i, 4096);
                printf("%lx\\n", (long)area);
                fflush(stdout);
                pause();
            }
            """;

    private CTarget program;
    private long area;

    @BeforeEach
    void start() throws IOException {
        program = CTarget.start("steady", SOURCE);
        area = program.hex();
    }

    @AfterEach
    void end() throws IOException {
        program.close();
    }

    private static long holeFrom(long offset) {
        long hole = offset / BETWEEN_HOLES * BETWEEN_HOLES;
        if (hole > 0 && offset - hole < 4096) {
            return offset;
        }
        return Math.min(hole + BETWEEN_HOLES, SIZE);
    }

    /** Steps of the size of chunks, of slots' pages, and of blocks that are jumped over now and then. */
    @ParameterizedTest
    @ValueSource(longs = {64, 4096, 1 << 16})
    void showsWhatIsThere(long step) {
        try (Target target = LiveTarget.observe(program.pid(), new FakeLibc(), ProcFs.ofThisMachine())) {
            Window window = target.memory().window();
            Random random = new Random(step);
            for (int pass = 0; pass < 3; pass++) {
                long at = random.nextInt(4096) & ~7;
                while (at < SIZE) {
                    long wanted = Math.min(step == 1 << 16 ? step : 16, SIZE - at);
                    long offset = window.find(area + at, wanted);
                    long expected = holeFrom(at) - at;
                    if (expected < wanted) {
                        assertThat(offset).isEqualTo(-1);
                        assertThat(window.missing() - area).isEqualTo(at + expected);
                        at += expected + 4096;
                        continue;
                    }
                    MemorySegment segment = window.segment();
                    assertThat(segment.get(Words.LONG, offset)).isEqualTo(area + at);
                    assertThat(segment.get(Words.LONG, offset + (wanted - 8 & ~7))).isEqualTo(area + at + (wanted - 8 & ~7));
                    long shown = window.available(offset) - 8 & ~7;
                    assertThat(segment.get(Words.LONG, offset + shown)).isEqualTo(area + at + shown);
                    at += random.nextInt(20_000) == 0 ? random.nextLong(-(2 << 20), 6 << 20) & ~7 : step - (random.nextInt(64) & ~7);
                    at = Math.max(at, 0);
                    if (random.nextInt(500_000) == 0) {
                        window.forget();
                    }
                }
            }
        }
    }

    @Test
    void endsWithTheTarget() {
        Target target = LiveTarget.observe(program.pid(), new FakeLibc(), ProcFs.ofThisMachine());
        Window window = target.memory().window();
        long at = 0;
        while (at < 12 << 20) {
            window.require(area + at, 16);
            at += 4096;
        }
        target.close();
        assertThatThrownBy(() -> {
                    for (long behind = 12 << 20; behind < 17 << 20; behind += 4096) {
                        window.require(area + behind, 16);
                    }
                })
                .isInstanceOf(IllegalStateException.class);
    }
}
