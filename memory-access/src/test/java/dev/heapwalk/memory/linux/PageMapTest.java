// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetOptions;
import dev.heapwalk.memory.TouchedPages;
import java.util.BitSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which pages were touched, in both ways to ask the kernel, held against the program that touched them. */
class PageMapTest {
    private static final int PAGES = 20_000;
    private static final int HOLE = 9000;
    private static final String SOURCE = """
            #include <stdio.h>
            #include <sys/mman.h>
            #include <unistd.h>
            #define PAGES 20000L
            int main(void) {
                char *area = mmap(0, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                char *huge = mmap(0, 1L << 41, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
                madvise(area, PAGES * 4096, MADV_NOHUGEPAGE);
                madvise(huge, 1L << 41, MADV_NOHUGEPAGE);
                for (long i = 0; i < PAGES; i++)
                    if (i / 3000 % 2 ? i % 2 : i * i % 97 == 3) area[i * 4096] = 1;
                munmap(area + 9000 * 4096L, 4096);
                printf("%lx\\n%lx\\n", (long) area, (long) huge);
                fflush(stdout);
                getchar();
                huge[(1L << 40) + 5] = 1;
                puts("touched");
                fflush(stdout);
                getchar();
            }
            """;

    @ParameterizedTest
    @ValueSource(ints = {0, Errno.ENOSYS})
    void tellsWhatTheProgramTouched(int errno) throws Exception {
        FakeLibc libc = new FakeLibc();
        if (errno != 0) {
            libc.always("ioctl", errno);
        }
        BitSet touched = new BitSet();
        for (long i = 0; i < PAGES; i++) {
            touched.set((int) i, i == HOLE || (i / 3000 % 2 != 0 ? i % 2 != 0 : i * i % 97 == 3));
        }
        try (CTarget program = CTarget.start("pages", SOURCE)) {
            long area = program.hex();
            long huge = program.hex();
            try (Target target =
                    LiveTarget.observe(program.pid(), TargetOptions.DEFAULT, libc, ProcFs.ofThisMachine())) {
                TouchedPages pages = target.memory().touched();
                long end = area + PAGES * 4096L;
                BitSet found = new BitSet();
                for (long at = pages.next(area, end); at < end; at = pages.next(at, end)) {
                    assertThat(at).isEqualTo(area + touched.nextSetBit((int) (at - area >>> 12)) * 4096L);
                    long behind = pages.end(at, end);
                    assertThat(behind).isBetween(at + 1, end);
                    found.set((int) (at - area >>> 12), (int) (behind - area >>> 12));
                    at = behind;
                }
                assertThat(found).isEqualTo(touched);
                // Backwards, and a single page at a time.
                for (int page = PAGES - 1; page >= 0; page--) {
                    long at = area + page * 4096L + 8;
                    assertThat(pages.next(at, at + 8)).isEqualTo(touched.get(page) ? at : at + 8);
                }
                assertThat(pages.next(huge, huge + (1L << 41))).isEqualTo(huge + (1L << 41));
                if (errno == 0) {
                    program.say("");
                    assertThat(program.line()).isEqualTo("touched");
                    pages.forget();
                    assertThat(pages.next(huge, huge + (1L << 41))).isEqualTo(huge + (1L << 40));
                    assertThat(pages.end(huge + (1L << 40), huge + (1L << 41))).isEqualTo(huge + (1L << 40) + 4096);
                }
            }
        }
    }
}
