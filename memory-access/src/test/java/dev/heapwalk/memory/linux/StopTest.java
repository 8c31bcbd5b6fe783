// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.ErrnoException;
import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.PermissionDeniedException;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Holds an observed process for a look, and lets it go. */
class StopTest {
    /** Threads count as fast as they can; the first of each pair is never behind the second. */
    private static final String COUNTER = """
            #include <pthread.h>
            #include <stdatomic.h>
            #include <stdio.h>
            #include <unistd.h>
            #define THREADS 3
            static atomic_long counts[THREADS][2];
            static void *count(void *of)
            {
                atomic_long *mine = of;
                for (;;) {
                    atomic_fetch_add(&mine[0], 1);
                    atomic_fetch_add(&mine[1], 1);
                }
                return NULL;
            }
            int main(void)
            {
                pthread_t thread;
                for (int i = 0; i < THREADS; i++)
                    pthread_create(&thread, NULL, count, counts[i]);
                printf("%lx\\nready\\n", (unsigned long)counts);
                fflush(stdout);
                char c;
                while (read(0, &c, 1) > 0)
                    ;
                return 0;
            }
            """;

    private static final int THREADS = 3;

    private static CTarget counter() throws IOException {
        return CTarget.start("counter", COUNTER);
    }

    private static byte[] counts(Target target, long address) {
        return target.memory().readBytes(address, THREADS * 16);
    }

    private static void awaitProgress(Target target, long address) throws InterruptedException {
        byte[] before = counts(target, address);
        for (int thread = 0; thread < THREADS; thread++) {
            long at = address + 16L * thread;
            long seen = MemorySegment.ofArray(before).get(dev.heapwalk.memory.raw.Words.LONG, 16L * thread);
            long deadline = System.nanoTime() + ThisMachine.PATIENCE.toNanos();
            while (target.memory().readLong(at) == seen) {
                assertThat(System.nanoTime()).as("thread %d goes on", thread).isLessThan(deadline);
                Thread.sleep(1);
            }
        }
    }

    @Test
    void everythingStandsStillUntilItIsClosed() throws IOException, InterruptedException {
        try (CTarget program = counter()) {
            long address = program.hex();
            program.line();
            try (Target target = Target.observe(program.pid())) {
                List<ElfModule> before = target.modules();
                for (int round = 0; round < 20; round++) {
                    awaitProgress(target, address);
                    assertThat(target.still()).isFalse();
                    assertThat(target.threads()).allMatch(it -> it.registers().isEmpty());
                    try (var _ = target.stop()) {
                        assertThat(program.threads().values()).hasSize(4).allMatch(state -> state.startsWith("t"));
                        assertThat(target.still()).isTrue();
                        assertThat(target.runsOn()).isTrue();
                        assertThat(target.mode()).isEqualTo(Target.Mode.OBSERVED);
                        assertThat(target.threads())
                                .hasSize(4)
                                .allMatch(it -> it.registers().isPresent());
                        byte[] counts = counts(target, address);
                        for (int i = 0; i < THREADS; i++) {
                            long first = target.memory().readLong(address + 16L * i);
                            long second = target.memory().readLong(address + 16L * i + 8);
                            assertThat(first - second).isBetween(0L, 1L);
                        }
                        Thread.sleep(2);
                        assertThat(counts(target, address)).isEqualTo(counts);
                        // What was found before is what is found now.
                        assertThat(target.modules()).isEqualTo(before);
                    }
                    assertThat(target.still()).isFalse();
                    assertThat(program.untouched()).isTrue();
                }
            }
        }
    }

    /** A program that watches its own clock: it tells the longest gap since it was asked last, in nanoseconds. */
    private static final String CLOCK = """
            #include <fcntl.h>
            #include <stdio.h>
            #include <time.h>
            #include <unistd.h>
            static long now(void)
            {
                struct timespec time;
                clock_gettime(CLOCK_MONOTONIC, &time);
                return time.tv_sec * 1000000000L + time.tv_nsec;
            }
            int main(void)
            {
                fcntl(0, F_SETFL, O_NONBLOCK);
                puts("ready");
                fflush(stdout);
                long longest = 0;
                for (long before = now(); ; ) {
                    long time = now();
                    if (time - before > longest)
                        longest = time - before;
                    before = time;
                    char line[2];
                    long got = read(0, line, 2);
                    if (got == 0)
                        return 0;
                    if (got > 0) {
                        printf("%ld\\n", longest);
                        fflush(stdout);
                        longest = 0;
                    }
                }
            }
            """;

    private static final long HELD_MILLIS = 100;
    /** A loaded machine may leave a program waiting for a processor after it was let go. */
    private static final int TRIES = 50;

    @Test
    void tellsForHowLongItWasStopped() throws IOException, InterruptedException {
        try (CTarget program = CTarget.start("clock", CLOCK)) {
            program.line();
            boolean covered = false;
            for (int i = 0; i < TRIES && !covered; i++) {
                longestGap(program);
                long begin = System.nanoTime();
                Target target = Target.attach(program.pid());
                try (target) {
                    Thread.sleep(HELD_MILLIS);
                }
                long took = System.nanoTime() - begin;
                long told = target.standstill().toNanos();
                long gap = longestGap(program);
                assertThat(gap).isGreaterThanOrEqualTo(HELD_MILLIS * 1_000_000);
                assertThat(told).isBetween(HELD_MILLIS * 1_000_000, took);
                assertThat(target.standstill().toNanos()).isEqualTo(told);
                covered = gap <= told;
            }
            assertThat(covered).as("one gap lies within what was told").isTrue();
        }
    }

    @Test
    void tellsForHowLongAllStopsLasted() throws IOException, InterruptedException {
        try (CTarget program = CTarget.start("clock", CLOCK)) {
            program.line();
            try (Target target = Target.observe(program.pid())) {
                target.modules();
                assertThat(target.standstill()).isZero();
                for (int i = 1; i <= 3; i++) {
                    try (var _ = target.stop()) {
                        Thread.sleep(HELD_MILLIS);
                        assertThat(target.standstill().toMillis()).isGreaterThanOrEqualTo(i * HELD_MILLIS);
                    }
                }
                Duration told = target.standstill();
                assertThat(longestGap(program)).isGreaterThanOrEqualTo(HELD_MILLIS * 1_000_000);
                assertThat(target.standstill()).isEqualTo(told);
            }
        }
    }

    private static long longestGap(CTarget clock) throws IOException {
        clock.say("");
        return Long.parseLong(clock.line());
    }

    /** As while a library is being loaded, whose variables without a file are mapped after the others. */
    @Test
    void aModuleHasTheVariablesThatAreMappedNow() throws IOException {
        String source = """
                #include <stdio.h>
                #include <sys/mman.h>
                #include <unistd.h>
                static char many[1 << 20] __attribute__((aligned(4096)));
                int main(void)
                {
                    char c;
                    printf("%lx\\n", (unsigned long)many);
                    fflush(stdout);
                    while (read(0, &c, 1) > 0) {
                        if (c == '\\n')
                            continue;
                        mprotect(many, sizeof many, c == 'r' ? PROT_READ | PROT_WRITE : PROT_NONE);
                        puts("done");
                        fflush(stdout);
                    }
                    return 0;
                }
                """;
        try (CTarget program = CTarget.start("variables", source)) {
            long many = program.hex();
            program.say("n");
            program.line();
            try (Target target = Target.observe(program.pid())) {
                assertThat(hasVariable(target, many)).isFalse();
                program.say("r");
                program.line();
                assertThat(hasVariable(target, many)).isTrue();
            }
        }
    }

    private static boolean hasVariable(Target target, long address) {
        return target.modules().stream()
                .flatMap(module -> module.writableSegments().stream())
                .anyMatch(range -> address >= range.start() && address < range.end());
    }

    @Test
    void theMappingsAreThoseOfTheStop() throws IOException {
        String source = """
                #include <stdio.h>
                #include <sys/mman.h>
                #include <unistd.h>
                int main(void)
                {
                    char c;
                    printf("ready\\n");
                    fflush(stdout);
                    while (read(0, &c, 1) > 0) {
                        void *made = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                        printf("%lx\\n", (unsigned long)made);
                        fflush(stdout);
                        read(0, &c, 1);
                    }
                    return 0;
                }
                """;
        try (CTarget program = CTarget.start("maps", source)) {
            program.line();
            try (Target target = Target.observe(program.pid())) {
                program.say("m");
                long made = program.hex();
                assertThat(target.memory().mappings().at(made)).isEmpty();
                try (var _ = target.stop()) {
                    assertThat(target.memory().mappings().at(made)).isPresent();
                }
            }
        }
    }

    @Test
    void aTargetIsHeldOnceAtATime() throws IOException, InterruptedException {
        try (CTarget program = counter()) {
            long address = program.hex();
            program.line();
            Target target = Target.observe(program.pid());
            Target.Stop first = target.stop();
            assertThatThrownBy(target::stop)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(
                            "process %d (counter) is held by a stop of this target already: close that one first",
                            program.pid());
            // Nor by others of this JVM.
            assertThatThrownBy(() -> Target.attach(program.pid()))
                    .isInstanceOfSatisfying(
                            PermissionDeniedException.class,
                            e -> assertThat(e.reason()).isEqualTo(TargetException.Reason.TRACED_BY_THIS_JVM));
            try (Target other = Target.observe(program.pid())) {
                assertThatThrownBy(other::stop)
                        .isInstanceOfSatisfying(
                                PermissionDeniedException.class,
                                e -> assertThat(e.reason()).isEqualTo(TargetException.Reason.TRACED_BY_THIS_JVM));
                assertThat(other.still()).isFalse();
            }
            assertThat(target.still()).isTrue();
            first.close();
            first.close();
            awaitProgress(target, address);
            Target.Stop second = target.stop();
            // The first one has no say any more.
            first.close();
            assertThat(target.still()).isTrue();
            assertThat(program.untouched()).isFalse();
            target.close();
            assertThat(program.untouched()).isTrue();
            second.close();
            assertThatThrownBy(target::stop)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("is closed");
            assertThat(program.untouched()).isTrue();
        }
    }

    @Test
    void whatStandsStillAnywayIsNotTouched() throws IOException {
        try (CTarget program = counter()) {
            long address = program.hex();
            program.line();
            try (Target target = Target.attach(program.pid())) {
                byte[] counts = counts(target, address);
                try (var _ = target.stop();
                        var _ = target.stop()) {
                    assertThat(target.still()).isTrue();
                }
                assertThat(target.still()).isTrue();
                assertThat(program.threads().values()).allMatch(state -> state.startsWith("t"));
                assertThat(counts(target, address)).isEqualTo(counts);
            }
        }
    }

    @Test
    void ifItFailsTheTargetIsObservedAsBefore() throws IOException, InterruptedException {
        try (CTarget program = counter()) {
            long address = program.hex();
            program.line();
            FakeLibc libc = new FakeLibc();
            try (Target target = LiveTarget.observe(program.pid(), libc, ProcFs.ofThisMachine())) {
                libc.next("PTRACE_GETREGSET", Errno.EINVAL);
                assertThatThrownBy(target::stop).isInstanceOf(ErrnoException.class);
                assertThat(target.still()).isFalse();
                assertThat(program.untouched()).isTrue();
                awaitProgress(target, address);
                target.stop().close();
                awaitProgress(target, address);
                ProcessHandle.of(program.pid()).orElseThrow().destroyForcibly();
                program.exit();
                assertThatThrownBy(target::stop).isInstanceOf(NoSuchProcessException.class);
                assertThat(target.still()).isFalse();
            }
        }
    }

    @Test
    void aChildOfThisJvmIsObservedButNotStopped() throws IOException, InterruptedException {
        Process child = new ProcessBuilder("sleep", "1000").start();
        try (Target target = Target.observe(child.pid())) {
            assertThatThrownBy(target::stop)
                    .isInstanceOfSatisfying(
                            UnsupportedTargetException.class,
                            e -> assertThat(e.reason()).isEqualTo(TargetException.Reason.OWN_PROCESS));
            assertThat(child.isAlive()).isTrue();
            assertThat(Path.of("/proc/" + child.pid())).exists();
        } finally {
            child.destroyForcibly().waitFor();
        }
    }
}
