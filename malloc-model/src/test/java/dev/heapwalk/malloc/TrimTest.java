// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.heapwalk.heap.residency.Reclaimable;
import dev.heapwalk.memory.Residency;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.HugePages;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What malloc_trim would give back, held against what it gives back when the program calls it, page for page. */
@Timeout(120)
class TrimTest {
    private static final int PAGE = 4096;
    private static final String PROGRAM = """
            #define _GNU_SOURCE
            #include <malloc.h>
            #include <pthread.h>
            #include <signal.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <sys/prctl.h>
            #include <unistd.h>
            #define MANY 400000
            enum { WRITE, READ, LEAVE };
            static volatile char sum;
            static void **take(long count, long size, int touch) {
                void **held = mmap(0, count * sizeof *held, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                for (long i = 0; i < count; i++) {
                    char *block = held[i] = malloc(size);
                    if (touch == WRITE) memset(block, 1, size);
                    if (touch == READ) for (long j = 0; j < size; j += 512) sum += block[j];
                }
                return held;
            }
            static void release(void **held, long count, long keep_every) {
                for (long i = 0; i < count; i++)
                    if (!keep_every || i % keep_every) free(held[i]);
            }
            static void holes(long count, long size, long keep_every, int touch) {
                release(take(count, size, touch), count, keep_every);
            }
            // [a large free chunk][chunks of a fastbin][top], if the cache of the thread is full before.
            static void fast_before_top(void) {
                void **cached = take(7, 40, WRITE);
                void *large = malloc(100000), *last[3];
                memset(large, 1, 100000);
                for (int i = 0; i < 3; i++) memset(last[i] = malloc(40), 1, 40);
                free(large);
                release(cached, 7, 0);
                for (int i = 0; i < 3; i++) free(last[i]);
            }
            static void fast_between(void) {
                void **cached = take(7, 40, WRITE);
                void *one = malloc(50000), *fast = malloc(40), *other = malloc(50000);
                memset(one, 1, 50000); memset(fast, 1, 40); memset(other, 1, 50000);
                char *behind = malloc(40);
                behind[0] = 1;
                release(cached, 7, 0);
                free(one); free(fast); free(other);
            }
            static void at_random(unsigned seed, int count) {
                void **held = mmap(0, count * sizeof *held, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                for (int i = 0; i < 20 * count; i++) {
                    int slot = rand_r(&seed) % count;
                    free(held[slot]);
                    held[slot] = 0;
                    if (rand_r(&seed) % 3) {
                        long size = 1L << rand_r(&seed) % 17;
                        size += rand_r(&seed) % size;
                        held[slot] = malloc(size);
                        if (rand_r(&seed) % 4) memset(held[slot], 1, size);
                    }
                }
                for (int i = 0; i < count; i++)
                    if (rand_r(&seed) % 5) free(held[i]);
            }
            static void *within(char *all, long size) {
                char *block;
                do block = malloc(size); while (block < all || block >= all + (24 << 20));
                return block;
            }
            static pthread_barrier_t barrier;
            static char *name;
            static void *thread(void *number) {
                if (!strcmp(name, "threads")) holes(2000, 8000, 2, WRITE);
                if (!strcmp(name, "thread-tops")) holes(500, 8000, 0, WRITE);
                if (!strcmp(name, "thread-fast")) { fast_between(); fast_before_top(); }
                if (!strcmp(name, "thread-heaps")) holes(30000, 5000, 10, WRITE);
                if (!strcmp(name, "random")) at_random((long) number, 800);
                pthread_barrier_wait(&barrier);
                pause();
                return 0;
            }
            int main(int count, char **arguments) {
                name = count > 1 ? arguments[1] : "";
                char c;
                if (!strcmp(name, "alternate")) holes(3000, 8000, 2, WRITE);
                if (!strcmp(name, "small")) holes(30000, 1000, 2, WRITE);
                if (!strcmp(name, "few-kept")) holes(MANY, 40, 1000, WRITE);
                if (!strcmp(name, "top")) {
                    mallopt(M_TRIM_THRESHOLD, 1 << 30);
                    holes(2000, 8000, 0, WRITE);
                }
                if (!strcmp(name, "pad")) {
                    mallopt(M_TOP_PAD, 4 << 20);
                    holes(700, 8000, 3, WRITE);
                }
                if (!strcmp(name, "fast")) { fast_between(); fast_before_top(); }
                if (!strcmp(name, "untouched")) holes(500, 20000, 2, LEAVE);
                if (!strcmp(name, "read")) holes(500, 20000, 2, READ);
                if (!strcmp(name, "locked")) {
                    holes(1000, 8000, 2, WRITE);
                    mlockall(MCL_CURRENT);
                }
                if (!strcmp(name, "part-locked")) {
                    void **held = take(40, 100000, WRITE);
                    for (int i = 0; i < 40; i += 2) mlock((char *) held[i] + 50000, 3 * 4096);
                    release(held, 40, 2);
                    mallopt(M_TRIM_THRESHOLD, 1 << 30);
                }
                if (!strcmp(name, "foreign")) {
                    holes(1000, 8000, 2, WRITE);
                    sbrk(8192);
                }
                if (!strcmp(name, "again")) {
                    holes(1000, 8000, 2, WRITE);
                    malloc_trim(0);
                    holes(1000, 6000, 2, WRITE);
                }
                if (!strcmp(name, "forked")) {
                    holes(1000, 8000, 2, WRITE);
                    if (fork() == 0) { prctl(PR_SET_PDEATHSIG, SIGKILL); for (;;) pause(); }
                }
                if (!strcmp(name, "huge")) {
                    mallopt(M_MMAP_MAX, 0);
                    holes(8, 5 << 20, 2, WRITE);
                }
                if (!strcmp(name, "huge-begins")) {
                    // Free chunks whose first whole page is the first one of a huge page, and of the second one not.
                    mallopt(M_MMAP_MAX, 0);
                    char *all = malloc(24 << 20), *large[2];
                    free(all);
                    for (int i = 0; i < 2; i++) {
                        // Where the next chunk begins, and the huge page before which the free one shall begin.
                        long next = (long) within(all, 100000) + 100000, huge = (next + 20000 + (2 << 20) - 1) & -(2 << 20);
                        within(all, huge - 64 - 8192 * i - next - 8);
                        memset(large[i] = within(all, 5 << 20), 1, 5 << 20);
                        within(all, 100000);
                    }
                    free(large[0]);
                    free(large[1]);
                }
                if (!strcmp(name, "random")) at_random(7, 3000);
                if (!strncmp(name, "thread", 6) || !strcmp(name, "random")) {
                    pthread_t id;
                    pthread_barrier_init(&barrier, 0, 4);
                    if (!strcmp(name, "thread-tops")) mallopt(M_TRIM_THRESHOLD, 1 << 30);
                    for (long i = 0; i < 3; i++) pthread_create(&id, 0, thread, (void *) (i + 1));
                    pthread_barrier_wait(&barrier);
                }
                char text[50];
                write(1, text, sprintf(text, "pid %d\\nREADY\\n", (int) getpid()));
                read(0, &c, 1);
                malloc_trim(0);
                write(1, "DONE\\n", 5);
                while (read(0, &c, 1) > 0);
                _exit(0);
            }
            """;

    /** The same, with huge pages that were reserved before. */
    private static final String RESERVED = "glibc.malloc.hugetlb=2 ";

    private static final int HUGE_PAGES = 60;

    record Case(Release release, String pattern, String tunables) {
        @Override
        public String toString() {
            return release.label() + " " + pattern + " " + tunables;
        }
    }

    static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (Release release : Release.debian()) {
            for (String pattern : """
                    alternate small few-kept top pad fast untouched read locked part-locked foreign again forked \
                    random threads thread-tops thread-fast thread-heaps""".split(" ")) {
                cases.add(new Case(release, pattern, ""));
            }
            if (release != Release.BULLSEYE) {
                cases.add(new Case(release, "top", "glibc.malloc.hugetlb=1"));
                cases.add(new Case(release, "alternate", "glibc.malloc.hugetlb=1"));
                cases.add(new Case(release, "huge", "glibc.malloc.hugetlb=1"));
                for (String pattern : List.of("alternate", "huge", "huge-begins", "threads", "random")) {
                    // Without reserved pages first, where malloc takes small ones after all.
                    cases.add(new Case(release, pattern, "glibc.malloc.hugetlb=2"));
                    cases.add(new Case(release, pattern, RESERVED));
                }
            }
        }
        cases.add(new Case(Release.SID, "alternate", "glibc.malloc.tcache_max=2000000"));
        return cases.stream()
                .filter(it -> Release.debian().contains(it.release()))
                .toList();
    }

    /** What is in memory of a process's own, by page. */
    private static NavigableSet<Long> own(Residency residency) {
        NavigableSet<Long> pages = new TreeSet<>();
        residency.within(0, Long.MAX_VALUE, (start, end, kind) -> {
            if ((kind & (Residency.PRESENT | Residency.FILE | Residency.ZERO)) == Residency.PRESENT) {
                LongStream.range(start / PAGE, end / PAGE).forEach(pages::add);
            }
        });
        return pages;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void isWhatTheCallGivesBack(Case it) throws IOException {
        if (!it.tunables().equals(RESERVED)) {
            check(it);
            return;
        }
        try (HugePages reserved = HugePages.reserve(HUGE_PAGES)) {
            String why = "no huge pages can be reserved";
            if (!reserved.enough()) {
                ThisMachine.leavesOut("what a trim gives back of reserved huge pages", why);
                abort(why);
            }
            assertThat(check(it))
                    .as("bytes of huge pages")
                    .isEqualTo(it.pattern().equals("huge-begins") ? 4 << 20 : 0);
        }
    }

    /** Returns how much of reserved huge pages was given back. */
    private static long check(Case it) throws IOException {
        String program = CProgram.portableSource("trim", PROGRAM, "-pthread").install(it.release(), false);
        List<String> command = it.release()
                .commandBeside(Path.of(System.getProperty("java.io.tmpdir")), false, List.of(program, it.pattern()));
        Map<String, String> settings = it.tunables().isEmpty()
                ? Map.of()
                : Map.of("GLIBC_TUNABLES", it.tunables().strip());
        try (ToldProgram told = new ToldProgram(settings, command.toArray(String[]::new))) {
            NavigableSet<Long> before;
            NavigableSet<Long> forecast = new TreeSet<>();
            long resident = 0;
            long shared = 0;
            long hugetlb = 0;
            try (Target target = Target.attach(told.pid)) {
                Residency residency = target.memory().residency().orElseThrow();
                before = own(residency);
                MallocHeap heap = MallocHeap.locate(target);
                Trim trim = new Trim(heap, residency);
                for (MallocArena arena : heap.arenas()) {
                    trim.ranges(
                            arena,
                            (start, end) -> LongStream.range(start / PAGE, end / PAGE)
                                    .filter(before::contains)
                                    .forEach(forecast::add));
                }
                for (Reclaimable of : heap.reclaimable(residency)) {
                    resident += of.resident();
                    shared += of.shared();
                    hugetlb += of.hugetlb();
                }
                // To read it has changed nothing.
                assertThat(own(target.memory().residency().orElseThrow())).isEqualTo(before);
            }
            told.process.getOutputStream().write('t');
            told.process.getOutputStream().flush();
            assertThat(new String(told.process.getInputStream().readNBytes(5), StandardCharsets.US_ASCII))
                    .isEqualTo("DONE\n");
            NavigableSet<Long> gone = new TreeSet<>(before);
            try (Target target = Target.attach(told.pid)) {
                gone.removeAll(own(target.memory().residency().orElseThrow()));
            }
            assertThat(gone).isEqualTo(forecast);
            assertThat(resident + hugetlb).isEqualTo(PAGE * (long) gone.size());
            assertThat(shared).isEqualTo(it.pattern().equals("forked") ? resident : 0);
            return hugetlb;
        }
    }
}
