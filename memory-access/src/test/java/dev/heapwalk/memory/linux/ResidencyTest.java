// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Residency;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetOptions;
import dev.heapwalk.testkit.Rollup;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What of a process is in memory, in both ways to ask the kernel, held against what it counts and what was touched. */
class ResidencyTest {
    private static final int PAGES = 3000;
    private static final int PAGE = 4096;
    private static final String SOURCE = """
            #include <stdio.h>
            #include <sys/mman.h>
            #include <unistd.h>
            #define PAGES 3000L
            static char *map(int flags) {
                char *area = mmap(0, PAGES * 4096, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
                madvise(area, PAGES * 4096, MADV_NOHUGEPAGE);
                return area;
            }
            int main(void) {
                char *own = map(MAP_PRIVATE), *shared = map(MAP_SHARED), *locked = map(MAP_PRIVATE);
                int out[2];
                for (long i = 0; i < PAGES; i++) {
                    if (i % 5 < 2) own[i * 4096] = 1;
                    if (i % 3 == 0) shared[i * 4096] = 1;
                }
                mlock(locked + 4096, 7 * 4096);
                // MADV_GUARD_INSTALL, since Linux 6.13.
                madvise(locked + 100 * 4096, 5 * 4096, 102);
                pipe(out);
                if (fork() == 0) {
                    char c;
                    close(out[1]);
                    read(out[0], &c, 1);
                    return 0;
                }
                close(out[0]);
                for (long i = 0; i < PAGES; i += 5)
                    own[i * 4096] = 2;
                printf("%lx\\n%lx\\n%lx\\n", (long) own, (long) shared, (long) locked);
                fflush(stdout);
                getchar();
            }
            """;

    @ParameterizedTest
    @ValueSource(ints = {0, Errno.ENOSYS})
    void isWhatTheKernelCounts(int errno) throws Exception {
        FakeLibc libc = new FakeLibc();
        if (errno != 0) {
            libc.always("ioctl", errno);
        }
        try (CTarget program = CTarget.start("resident", SOURCE)) {
            long own = program.hex();
            long shared = program.hex();
            long locked = program.hex();
            try (Target target =
                    LiveTarget.attach(program.pid(), TargetOptions.DEFAULT, libc, ProcFs.ofThisMachine())) {
                Residency found = target.memory().residency().orElseThrow();
                Map<String, Long> counts = Rollup.of(program.pid());
                assertThat(all(found, Residency.PRESENT, Residency.ZERO)).isEqualTo(counts.get("Rss"));
                assertThat(all(found, Residency.PRESENT, Residency.ZERO | Residency.FILE))
                        .isEqualTo(counts.get("Anonymous"));
                assertThat(all(found, Residency.SWAPPED, 0)).isEqualTo(counts.get("Swap"));

                for (int page = 0; page < PAGES; page++) {
                    long at = own + (long) page * PAGE;
                    assertThat(found.bytes(at, at + PAGE, Residency.PRESENT, Residency.FILE))
                            .as("page %d", page)
                            .isEqualTo(page % 5 < 2 ? PAGE : 0);
                    // The child has those that were written before it was made, and not since.
                    assertThat(found.bytes(at, at + PAGE, Residency.EXCLUSIVE, 0))
                            .as("page %d", page)
                            .isEqualTo(page % 5 == 0 ? PAGE : 0);
                    long other = shared + (long) page * PAGE;
                    assertThat(found.bytes(other, other + PAGE, Residency.PRESENT | Residency.FILE, 0))
                            .as("page %d", page)
                            .isEqualTo(page % 3 == 0 ? PAGE : 0);
                }
                int[] runs = new int[1];
                found.within(own + 8, own + 5 * PAGE, (start, end, kind) -> {
                    assertThat(start).isEqualTo(runs[0] == 0 ? own + 8 : own + PAGE);
                    assertThat(end).isEqualTo(start - start % PAGE + PAGE);
                    runs[0]++;
                });
                assertThat(runs[0]).isEqualTo(2);
                assertThat(found.locked().count()).isEqualTo(1);
                assertThat(found.locked().start(0)).isEqualTo(locked + PAGE);
                assertThat(found.locked().end(0)).isEqualTo(locked + 8 * PAGE);
            }
        }
    }

    private static long all(Residency found, int with, int without) {
        return found.bytes(0, Long.MAX_VALUE, with, without);
    }
}
