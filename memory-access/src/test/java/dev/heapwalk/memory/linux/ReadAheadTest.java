// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
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

    private static final String SOURCE = """
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
                    assertThat(segment.get(Words.LONG, offset + (wanted - 8 & ~7)))
                            .isEqualTo(area + at + (wanted - 8 & ~7));
                    long shown = window.available(offset) - 8 & ~7;
                    assertThat(segment.get(Words.LONG, offset + shown)).isEqualTo(area + at + shown);
                    at += random.nextInt(20_000) == 0
                            ? random.nextLong(-(2 << 20), 6 << 20) & ~7
                            : step - (random.nextInt(64) & ~7);
                    at = Math.max(at, 0);
                    if (random.nextInt(500_000) == 0) {
                        window.forget();
                    }
                }
            }
        }
    }

    /** Goes from range to range, and now and then reads something that lies between two. */
    @ParameterizedTest
    @ValueSource(longs = {64, 4096, 1 << 16})
    void goesFromRangeToRange(long step) {
        FakeLibc libc = new FakeLibc();
        try (Target target = LiveTarget.observe(program.pid(), libc, ProcFs.ofThisMachine())) {
            Random random = new Random(step);
            List<Long> starts = new ArrayList<>();
            List<Long> ends = new ArrayList<>();
            long at = 0;
            long fewest = 0;
            long length = 0;
            while (at < SIZE) {
                long start = at + 8192 + random.nextInt(600_000) & ~7;
                long end = Math.min(
                        start + 4096 + random.nextInt(random.nextInt(16) == 0 ? 12 << 20 : 400_000) & ~7, SIZE);
                if (start >= end) {
                    break;
                }
                starts.add(area + start);
                ends.add(area + end);
                length += end - start;
                fewest += 1 + (end - start >> 20);
                at = end;
            }
            Ranges course = Ranges.of(longs(starts), longs(ends));
            Window window = target.memory().window(course);
            for (int pass = 0; pass < 2; pass++) {
                int calls = libc.calls("process_vm_readv");
                long bytes = libc.bytesRead();
                int beside = 0;
                for (int range = 0; range < course.count(); range++) {
                    for (long address = course.start(range); address < course.end(range); address += step) {
                        beside += look(
                                window, address, Math.min(step == 1 << 16 ? step : 16, course.end(range) - address));
                    }
                    if (range % 5 == 4) {
                        beside += 1 + look(window, course.end(range) + 4096, 16);
                    }
                }
                // A call for each block and range, some more where reading ahead begins, and hardly anything of what
                // lies between.
                assertThat(libc.calls("process_vm_readv") - calls - beside).isLessThan((int) (1.6 * fewest));
                assertThat(libc.bytesRead() - bytes).isLessThan((long) (1.2 * length));
                window.forget();
            }
        }
    }

    /** Returns how many calls were of no use. */
    private int look(Window window, long address, long wanted) {
        long offset = window.find(address, wanted);
        long expected = Math.min(holeFrom(address - area), SIZE) - (address - area);
        if (expected < wanted) {
            assertThat(offset).isEqualTo(-1);
            assertThat(window.missing()).isEqualTo(address + Math.max(expected, 0));
            return 1;
        }
        assertThat(window.segment().get(Words.LONG, offset)).isEqualTo(address);
        assertThat(window.segment().get(Words.LONG, offset + (wanted - 8 & ~7))).isEqualTo(address + (wanted - 8 & ~7));
        return 0;
    }

    private static long[] longs(List<Long> list) {
        return list.stream().mapToLong(Long::longValue).toArray();
    }

    /**
     * Jumps of one length for a while, then of another; what lies at their ends is read in few calls, and is what is
     * there.
     */
    @Test
    void guessesEqualJumps() {
        FakeLibc libc = new FakeLibc();
        try (Target target = LiveTarget.observe(program.pid(), libc, ProcFs.ofThisMachine())) {
            Window window = target.memory().window();
            Random random = new Random(1);
            for (int pass = 0; pass < 20; pass++) {
                int before = libc.calls("process_vm_readv");
                int looks = 0;
                int changes = 0;
                int lost = 0;
                long at = 0;
                while (at < SIZE - (4 << 20)) {
                    long jump = 20_000 + random.nextInt(200_000) & ~7;
                    changes++;
                    for (int times = 1 + random.nextInt(60); times > 0 && at < SIZE - (4 << 20); times--) {
                        lost += look(window, area + at, 16);
                        looks++;
                        at += jump;
                    }
                }
                assertThat(libc.calls("process_vm_readv") - before)
                        .isLessThan(7 * changes + looks / 16 + 2 * lost + 20);
                if (pass % 3 == 0) {
                    window.forget();
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
