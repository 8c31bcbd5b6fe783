// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.heapwalk.memory.Copier;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TargetException.Reason;
import dev.heapwalk.memory.TargetOptions;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pages that never come, pages that the stopped process itself would have to bring, and stops that last too long. */
class HungReadTest {
    private static final int PAGES = 4096;
    /** It and the next one are missing. */
    private static final int HUNG = 3000;

    private static final String SOURCE = """
            #include <fcntl.h>
            #include <linux/userfaultfd.h>
            #include <poll.h>
            #include <pthread.h>
            #include <stdio.h>
            #include <string.h>
            #include <sys/ioctl.h>
            #include <sys/mman.h>
            #include <sys/syscall.h>
            #include <unistd.h>
            static int fd;
            static void *serve(void *unused) {
                static char page[4096] __attribute__((aligned(4096)));
                memset(page, 'x', sizeof page);
                for (;;) {
                    struct uffd_msg message;
                    if (read(fd, &message, sizeof message) != sizeof message) continue;
                    struct uffdio_copy copy = {
                        .dst = message.arg.pagefault.address & -4096L, .src = (long) page, .len = 4096};
                    ioctl(fd, UFFDIO_COPY, &copy);
                }
                return unused;
            }
            int main(int argc, char **argv) {
                long size = 4096 * 4096L;
                char *area = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                for (long i = 0; i < 4096; i++) if (i / 2 != 1500) area[i * 4096] = 1;
                struct uffdio_api api = {.api = UFFD_API};
                struct uffdio_register range = {
                    .range = {(long) area, size}, .mode = UFFDIO_REGISTER_MODE_MISSING};
                fd = syscall(SYS_userfaultfd, O_CLOEXEC);
                if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &range)) return 9;
                pthread_t thread;
                if (argc > 1 && !strcmp(argv[1], "served")) pthread_create(&thread, 0, serve, 0);
                printf("%lx\\n", (long) area);
                fflush(stdout);
                getchar();
                puts("goes on");
                fflush(stdout);
                getchar();
            }
            """;

    private static CTarget program(String how) throws IOException {
        if (!ThisMachine.hasUserfaultfd()) {
            ThisMachine.leavesOut("reads of pages that never come", "no userfaultfd for calls of the kernel");
        }
        assumeTrue(ThisMachine.hasUserfaultfd());
        return CTarget.start("faults", SOURCE, how);
    }

    private static Target open(String mode, CTarget program, TargetOptions options, Libc libc) {
        return mode.equals("stop")
                ? LiveTarget.attach(program.pid(), options, libc, ProcFs.ofThisMachine())
                : LiveTarget.observe(program.pid(), options, libc, ProcFs.ofThisMachine());
    }

    private static <T> T await(CompletableFuture<T> future) throws Exception {
        return future.get(ThisMachine.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    /** Runs something that may hang, in a thread that keeps nobody waiting; gives what it throws. */
    private static CompletableFuture<Throwable> apart(Runnable what) {
        CompletableFuture<Throwable> thrown = new CompletableFuture<>();
        Thread.ofPlatform().daemon().start(() -> {
            try {
                what.run();
                thrown.complete(null);
            } catch (Throwable e) {
                thrown.complete(e);
            }
        });
        return thrown;
    }

    private static void goesOn(CTarget program) throws IOException {
        assertThat(program.untouched()).isTrue();
        program.say("");
        assertThat(program.line()).isEqualTo("goes on");
    }

    @ParameterizedTest
    @ValueSource(strings = {"stop", "observe"})
    void aPageThatNobodyBringsLetsTheProcessGo(String mode) throws Exception {
        CompletableFuture<Throwable> reading;
        try (CTarget program = program("unserved")) {
            long hung = program.hex() + (long) HUNG * 4096;
            CompletableFuture<TargetException> lost = new CompletableFuture<>();
            Target target = open(mode, program, TargetOptions.DEFAULT.withWhenLost(lost::complete), FfmLibc.open());
            reading = apart(() -> target.memory().readLong(hung + 8));
            TargetException why = await(lost);
            assertThat(why.reason()).isEqualTo(Reason.NO_PROGRESS);
            assertThat(why.getMessage()).contains("0x%x-0x%x".formatted(hung + 8, hung + 16), "process ");
            goesOn(program);
            assertThatThrownBy(() -> target.memory().readLong(hung - 4096))
                    .isInstanceOfSatisfying(
                            TargetException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NO_PROGRESS));
            target.close();
            assertThat(reading).isNotDone();
        }
        // The end of the process ends the read.
        assertThat(await(reading)).isInstanceOf(TargetException.class);
    }

    /** The file asks nobody to bring a page. */
    @Test
    void throughTheFileSuchAPageCantBeRead() throws Exception {
        try (CTarget program = program("unserved")) {
            long hung = program.hex() + (long) HUNG * 4096;
            FakeLibc libc = new FakeLibc().always("process_vm_readv", Errno.EPERM);
            try (Target target = open("stop", program, TargetOptions.DEFAULT, libc)) {
                assertThatThrownBy(() -> target.memory().readLong(hung)).isInstanceOf(UnmappedAddressException.class);
                assertThat(target.memory().readLong(hung - 4096)).isEqualTo(1);
            }
        }
    }

    @Test
    void aProcessThatBringsThePageItselfIsLetGoToDoSo() throws Exception {
        try (CTarget program = program("served")) {
            long hung = program.hex() + (long) HUNG * 4096;
            try (Target target = Target.attach(program.pid())) {
                assertThatThrownBy(() -> target.memory().readLong(hung))
                        .isInstanceOfSatisfying(
                                TargetException.class,
                                e -> assertThat(e.reason()).isEqualTo(Reason.NO_PROGRESS));
                goesOn(program);
            }
        }
        try (CTarget program = program("served")) {
            long hung = program.hex() + (long) HUNG * 4096;
            try (Target target = Target.observe(program.pid())) {
                assertThat(target.memory().readLong(hung)).isEqualTo(0x7878787878787878L);
            }
        }
    }

    /** A copy has what is there, and does not take the rest for zeros. */
    @ParameterizedTest
    @ValueSource(strings = {"stop", "observe"})
    void aCopyWaitsForNoSuchPage(String mode) throws Exception {
        try (CTarget program = program("served")) {
            long hung = program.hex() + (long) HUNG * 4096;
            Target copy;
            try (Target target = open(mode, program, TargetOptions.DEFAULT, FfmLibc.open())) {
                Copier copier = target.copier(1L << 30);
                try (Target.Stop _ = target.stop()) {
                    copy = copier.copy();
                }
            }
            try (copy) {
                assertThat(copy.memory().readLong(hung - 4096)).isEqualTo(1);
                for (long page = hung; page < hung + 2 * 4096; page += 4096) {
                    long missing = page;
                    assertThatThrownBy(() -> copy.memory().readLong(missing))
                            .isInstanceOf(UnmappedAddressException.class);
                }
                assertThat(copy.memory().readLong(hung + 2 * 4096)).isEqualTo(1);
            }
            goesOn(program);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"stop", "observe"})
    void aWalkIntoSuchAPageEnds(String mode) throws Exception {
        CompletableFuture<Throwable> walking;
        try (CTarget program = program("unserved")) {
            long area = program.hex();
            CompletableFuture<TargetException> lost = new CompletableFuture<>();
            Target target = open(mode, program, TargetOptions.DEFAULT.withWhenLost(lost::complete), FfmLibc.open());
            walking = apart(() -> {
                try (Window window = target.memory().window()) {
                    for (long page = 0; page < PAGES; page++) {
                        window.require(area + page * 4096, 4096);
                    }
                }
            });
            assertThat(await(lost).reason()).isEqualTo(Reason.NO_PROGRESS);
            goesOn(program);
            target.close();
        }
        assertThat(await(walking)).isInstanceOf(TargetException.class);
    }

    @Test
    void aStopThatLastsTooLongEnds() throws Exception {
        try (CTarget program = program("served")) {
            long area = program.hex();
            CompletableFuture<TargetException> lost = new CompletableFuture<>();
            TargetOptions options =
                    TargetOptions.DEFAULT.withMaxStop(Duration.ofMillis(500)).withWhenLost(lost::complete);
            try (Target target = Target.attach(program.pid(), options)) {
                assertThat(await(lost).reason()).isEqualTo(Reason.STOPPED_TOO_LONG);
                assertThat(await(lost).getMessage()).contains("0.5 s");
                assertThat(program.untouched()).isTrue();
                assertThatThrownBy(() -> target.memory().readLong(area))
                        .isInstanceOfSatisfying(
                                TargetException.class,
                                e -> assertThat(e.reason()).isEqualTo(Reason.STOPPED_TOO_LONG));
            }
            CompletableFuture<TargetException> again = new CompletableFuture<>();
            try (Target target = Target.observe(program.pid(), options.withWhenLost(again::complete))) {
                try (Target.Stop _ = target.stop()) {
                    assertThat(target.memory().readLong(area)).isEqualTo(1);
                }
                // What runs on is not stopped for too long.
                Thread.sleep(1000);
                assertThat(again).isNotDone();
                try (Target.Stop _ = target.stop()) {
                    assertThat(await(again).reason()).isEqualTo(Reason.STOPPED_TOO_LONG);
                    assertThat(program.untouched()).isTrue();
                }
            }
        }
    }

    @Test
    void aTargetThatNobodyReadsIsKept() throws Exception {
        try (CTarget program = program("unserved")) {
            long area = program.hex();
            CompletableFuture<TargetException> lost = new CompletableFuture<>();
            try (Target target = Target.attach(program.pid(), TargetOptions.DEFAULT.withWhenLost(lost::complete))) {
                assertThat(target.memory().readLong(area)).isEqualTo(1);
                Thread.sleep(4000);
                assertThat(target.memory().readLong(area)).isEqualTo(1);
                assertThat(lost).isNotDone();
                assertThat(program.untouched()).isFalse();
            }
        }
    }
}
