// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.PointerScan;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A program that fills memory at random counts itself which of its words point into some of its ranges. */
class PointerScanTest {
    private static final int PAGES = 6000;
    private static final int TARGETS = 1000;

    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <stdio.h>
            #include <stdint.h>
            #include <sys/mman.h>
            #include <unistd.h>
            #define PAGES 6000
            #define TARGETS 1000
            static uint64_t state = 4711;
            static uint64_t next(void) {
                state = state * 6364136223846793005u + 1442695040888963407u;
                return state >> 16;
            }
            static int hole(long page) { return page == 700 || page == 2001 || page == 2002; }
            static int untouched(long page) { return page >= 3000 && page < 4500 && page % 100 != 7; }
            int main(void) {
                long page = sysconf(_SC_PAGESIZE);
                char *area = mmap(0, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                char *other = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                static char mine[1 << 20];
                uint64_t count = 0, sum = 0, places = 0;
                for (long i = 0; i < PAGES; i++) {
                    if (hole(i)) area[i * page] = 0;
                    if (hole(i) || untouched(i)) continue;
                    for (long j = 0; j < page; j += 8) {
                        uint64_t r = next(), word = r % 8 == 0 ? (uint64_t)(mine + (r >> 8) % (1 << 20))
                            : r % 8 == 1 ? (uint64_t)(other + (r >> 8) % (1 << 20))
                            : r % 8 == 2 ? r << 12
                            : r % 8 == 3 ? (uint64_t)(area + (r >> 8) % (PAGES * page))
                            : r % 100;
                        *(uint64_t *)(area + i * page + j) = word;
                        for (int k = 0; k < 2; k++) {
                            uint64_t at = word - (uint64_t)(k ? other : mine);
                            if (at < TARGETS / 2 * 2000 && at % 2000 >= 8 && at % 2000 < 8 + 300 + at / 2000) {
                                count++;
                                sum += word;
                                places ^= (uint64_t)(area + i * page + j) * (at / 2000 + 1);
                            }
                        }
                    }
                }
                munmap(area + 700 * page, page);
                mprotect(area + 2001 * page, 2 * page, PROT_NONE);
                printf("%lx\\n%lx\\n%lx\\n%lx\\n%lx\\n%lx\\n", (long)area, (long)mine, (long)other,
                       (long)count, (long)sum, (long)places);
                fflush(stdout);
                getchar();
                *(uint64_t *)(area + 4000 * page + 80) = (uint64_t)(mine + 10);
                printf("more\\n");
                fflush(stdout);
                pause();
            }
            """;

    private CTarget program;
    private long area;
    private long[] bases;
    private long count;
    private long sum;
    private long places;
    private Ranges targets;

    @TempDir
    private Path folder;

    @BeforeEach
    void start() throws IOException {
        program = CTarget.start("pointing", SOURCE);
        area = program.hex();
        bases = new long[] {program.hex(), program.hex()};
        count = program.hex();
        sum = program.hex();
        places = program.hex();
        long[] sorted = bases.clone();
        Arrays.sort(sorted);
        long[] starts = new long[TARGETS];
        long[] ends = new long[TARGETS];
        for (int i = 0; i < TARGETS; i++) {
            starts[i] = sorted[i / 500] + i % 500 * 2000L + 8;
            ends[i] = starts[i] + 300 + i % 500;
        }
        targets = Ranges.exactly(starts, ends);
    }

    @AfterEach
    void end() throws IOException {
        program.close();
    }

    private Ranges all() {
        return Ranges.exactly(new long[] {area}, new long[] {area + (PAGES << 12)});
    }

    @ParameterizedTest
    @ValueSource(strings = {"process", "core"})
    void findsEachOne(String way) throws Exception {
        try (Target target = way.equals("core")
                        ? Target.core(Cores.gcore(Release.HOST, program.pid(), folder))
                        : Target.observe(program.pid());
                PointerScan scan = target.memory().pointers(all(), targets)) {
            for (int pass = 0; pass < 2; pass++) {
                assertThat(scan.target()).isEqualTo(-1);
                long found = 0;
                long values = 0;
                long where = 0;
                long before = 0;
                while (scan.next()) {
                    found++;
                    values += scan.value();
                    int index = scan.target();
                    where ^= scan.address() * (index % 500 + 1);
                    assertThat(scan.address()).isGreaterThan(before);
                    assertThat(scan.value()).isBetween(targets.start(index), targets.end(index) - 1);
                    before = scan.address();
                }
                assertThat(found).isEqualTo(count).isGreaterThan(10_000);
                assertThat(values).isEqualTo(sum);
                assertThat(where).isEqualTo(places);
                assertThat(scan.next()).isFalse();
                if (way.equals("process")) {
                    assertThat(scan.leftOutBytes()).isEqualTo(3 << 12);
                    assertThat(scan.totalBytes()).isEqualTo((PAGES - 1500 + 15) << 12);
                }
                scan.rewind();
            }
        }
    }

    @Test
    void looksAgainWhenItIsRewound() throws Exception {
        try (Target target = Target.observe(program.pid())) {
            PointerScan scan = target.memory().pointers(all(), targets);
            long found = 0;
            while (scan.next()) {
                found++;
            }
            program.say("");
            assertThat(program.line()).isEqualTo("more");
            scan.rewind();
            long again = 0;
            boolean seen = false;
            while (scan.next()) {
                again++;
                seen |= scan.address() == area + (4000 << 12) + 80 && scan.value() == bases[0] + 10;
            }
            assertThat(again).isEqualTo(found + 1);
            assertThat(seen).isTrue();
            scan.rewind();
            assertThat(scan.next()).isTrue();
            assertThat(scan.toString()).startsWith("0x%x at 0x%x".formatted(scan.value(), scan.address()));
            scan.close();
            scan.close();
            assertThatThrownBy(scan::next).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(scan::rewind).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void looksNowhereOrForNothing() {
        try (Target target = Target.observe(program.pid());
                PointerScan nowhere = target.memory().pointers(Ranges.NONE, targets);
                PointerScan nothing = target.memory().pointers(all(), Ranges.NONE);
                PointerScan odd = target.memory()
                        .pointers(Ranges.exactly(new long[] {area + 1}, new long[] {area + 15}), targets);
                PointerScan unmapped =
                        target.memory().pointers(Ranges.exactly(new long[] {4096}, new long[] {3 * 4096}), targets)) {
            assertThat(nowhere.next()).isFalse();
            assertThat(nothing.next()).isFalse();
            assertThat(odd.next()).isFalse();
            assertThat(odd.totalBytes()).isZero();
            assertThat(unmapped.next()).isFalse();
            assertThat(unmapped.leftOutBytes()).isEqualTo(2 * 4096);
        }
    }
}
