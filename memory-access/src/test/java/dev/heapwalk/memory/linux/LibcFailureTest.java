// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static dev.heapwalk.memory.linux.Errno.EACCES;
import static dev.heapwalk.memory.linux.Errno.EFAULT;
import static dev.heapwalk.memory.linux.Errno.EINTR;
import static dev.heapwalk.memory.linux.Errno.EINVAL;
import static dev.heapwalk.memory.linux.Errno.EIO;
import static dev.heapwalk.memory.linux.Errno.EMFILE;
import static dev.heapwalk.memory.linux.Errno.ENOENT;
import static dev.heapwalk.memory.linux.Errno.ENOSYS;
import static dev.heapwalk.memory.linux.Errno.EPERM;
import static dev.heapwalk.memory.linux.Errno.ESRCH;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.ErrnoException;
import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.PermissionDeniedException;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.UnsupportedTargetException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Lets each call fail in each way that the kernel has for it, and asks /proc whether the process stayed as it was. */
class LibcFailureTest {
    private static final ProcFs PROC = ProcFs.ofThisMachine();

    private CTarget program;
    private long address;

    @BeforeEach
    void start() throws IOException, InterruptedException {
        program = CTarget.program("oddities", "alone");
        address = program.hex();
        program.line();
        program.line();
        assertThat(program.line()).isEqualTo("ready");
        // Nothing in it changes once it waits for its input.
        program.await("S0");
    }

    @AfterEach
    void end() throws IOException {
        // Whatever went wrong, it runs, and ends as it was meant to.
        assertThat(program.untouched()).isTrue();
        program.finish();
        assertThat(program.exit()).isEqualTo(3);
        program.close();
    }

    private Target attach(FakeLibc libc) {
        return LiveTarget.attach(program.pid(), libc, PROC);
    }

    private void attachesAndReads(FakeLibc libc) throws IOException {
        try (Target target = attach(libc)) {
            assertThat(target.memory().readLong(address)).isEqualTo(4711);
            assertThat(program.threads().values()).allMatch(state -> state.startsWith("t"));
        }
        assertThat(program.untouched()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"process_vm_readv", "waitpid"})
    void interruptedCallsAreMadeAgain(String function) throws IOException {
        FakeLibc libc = new FakeLibc().next(function, EINTR, EINTR, EINTR);
        attachesAndReads(libc);
        assertThat(libc.calls(function)).isGreaterThan(3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"open", "pread", "close"})
    void interruptedCallsOnTheMemoryFileAreMadeAgain(String function) throws IOException {
        FakeLibc libc = new FakeLibc().always("process_vm_readv", ENOSYS).next(function, EINTR, EINTR);
        attachesAndReads(libc);
        // Close is not: Linux has closed the file by then.
        assertThat(libc.calls(function)).isGreaterThanOrEqualTo(function.equals("close") ? 1 : 3);
    }

    @ParameterizedTest
    @CsvSource({"false, 1", "false, 7", "false, 4096", "true, 1", "true, 7", "true, 4096"})
    void shortReadsAreGoneOnWith(boolean throughFile, long most) {
        FakeLibc libc = new FakeLibc().shortReads(most);
        if (throughFile) {
            libc.always("process_vm_readv", EPERM);
        }
        long start = address & -4096;
        try (Target target = LiveTarget.observe(program.pid(), libc, PROC);
                Target plain = Target.observe(program.pid());
                Arena arena = Arena.ofConfined()) {
            MemorySegment whole = arena.allocate(4096);
            assertThat(target.memory().read(start, whole)).isEqualTo(4096);
            assertThat(whole.mismatch(MemorySegment.ofArray(plain.memory().readBytes(start, 4096))))
                    .isEqualTo(-1);
            long[] addresses = {start, address, 0, start + 100};
            long[] lengths = {100, 8, 50, 30};
            long[] read = new long[4];
            target.memory().readRanges(addresses, lengths, 4, whole, read);
            assertThat(read).containsExactly(100, 8, 0, 30);
            assertThat(whole.get(dev.heapwalk.memory.raw.Words.LONG, 100)).isEqualTo(4711);
            assertThat(whole.asSlice(158, 30)
                            .mismatch(MemorySegment.ofArray(plain.memory().readBytes(start + 100, 30))))
                    .isEqualTo(-1);
        }
    }

    @Test
    void asFewCallsAsThePartsAllow() {
        FakeLibc libc = new FakeLibc();
        try (Target target = LiveTarget.observe(program.pid(), libc, PROC);
                Arena arena = Arena.ofConfined()) {
            int count = 3000;
            long[] addresses = new long[count];
            long[] lengths = new long[count];
            java.util.Arrays.fill(addresses, address);
            java.util.Arrays.fill(lengths, 8);
            int before = libc.calls("process_vm_readv");
            target.memory().readRanges(addresses, lengths, count, arena.allocate(8L * count), new long[count]);
            assertThat(libc.calls("process_vm_readv") - before).isEqualTo(3);
            var window = target.memory().window();
            before = libc.calls("process_vm_readv");
            for (long at = address; at < (address | 4095) - 8; at += 8) {
                window.require(at, 8);
            }
            assertThat(libc.calls("process_vm_readv") - before).isEqualTo(1);
        }
    }

    @Test
    void aHoleIsAHoleWhateverTheKernelCallsIt() {
        FakeLibc call = new FakeLibc();
        try (Target target = attach(call)) {
            call.next("process_vm_readv", EFAULT);
            assertThat(target.memory().read(address, MemorySegment.ofArray(new byte[8])))
                    .isZero();
        }
        FakeLibc file = new FakeLibc().always("process_vm_readv", EPERM);
        try (Target target = attach(file)) {
            file.next("pread", EIO, EFAULT);
            assertThat(target.memory().read(address, MemorySegment.ofArray(new byte[8])))
                    .isZero();
            assertThat(target.memory().read(address, MemorySegment.ofArray(new byte[8])))
                    .isZero();
            assertThat(target.memory().readLong(address)).isEqualTo(4711);
        }
    }

    @ParameterizedTest
    @CsvSource({"process_vm_readv, 12, ENOMEM", "process_vm_readv, 22, EINVAL", "pread, 12, ENOMEM", "pread, 22, EINVAL"
    })
    void otherErrorsAreNamed(String function, int errno, String name) {
        FakeLibc libc = new FakeLibc();
        if (function.equals("pread")) {
            libc.always("process_vm_readv", ENOSYS);
        }
        try (Target target = attach(libc)) {
            libc.next(function, errno);
            assertThatThrownBy(() -> target.memory().readLong(address))
                    .isInstanceOfSatisfying(ErrnoException.class, e -> {
                        assertThat(e.errno()).isEqualTo(errno);
                        assertThat(e.call()).isEqualTo(function);
                    })
                    .hasMessage("%s failed on 8 bytes at 0x%x of process %d (oddities): %s (errno %d)"
                            .formatted(function, address, program.pid(), name, errno));
            assertThat(target.memory().readLong(address)).isEqualTo(4711);
        }
    }

    @Test
    void theMemoryFileMayNotOpen() throws IOException {
        for (int errno : new int[] {EACCES, EPERM, ENOENT, ESRCH, EMFILE}) {
            Class<? extends TargetException> kind = errno == EMFILE
                    ? ErrnoException.class
                    : errno == ENOENT || errno == ESRCH
                            ? NoSuchProcessException.class
                            : PermissionDeniedException.class;
            FakeLibc libc = new FakeLibc().always("process_vm_readv", EPERM).always("open", errno);
            assertThatThrownBy(() -> attach(libc)).isInstanceOf(kind).hasMessageContaining("process " + program.pid());
            assertThat(program.untouched()).isTrue();
        }
    }

    /** As after an execve, which gives the id of the first thread to another one. */
    @ParameterizedTest
    @CsvSource({"PTRACE_INTERRUPT, 3", "PTRACE_INTERRUPT, 5", "waitpid, 10"})
    void aThreadThatSeemsToHaveEndedButLivesIsStoppedYet(String function, int errno) throws IOException {
        FakeLibc libc = new FakeLibc().next(function, errno);
        attachesAndReads(libc);
        assertThat(libc.calls("PTRACE_SEIZE")).isEqualTo(2);
    }

    @Test
    void theProcessMayEndAtAnyCall() {
        assertThatThrownBy(() -> attach(new FakeLibc().always("PTRACE_SEIZE", ESRCH)))
                .isInstanceOf(NoSuchProcessException.class)
                .hasMessage("process %d (oddities) ended while it was being stopped", program.pid());
        FakeLibc reads = new FakeLibc();
        try (Target target = attach(reads)) {
            reads.always("process_vm_readv", ESRCH);
            assertThatThrownBy(() -> target.memory().readLong(address))
                    .isInstanceOf(NoSuchProcessException.class)
                    .hasMessage("process %d (oddities) ended while it was read", program.pid());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "PTRACE_SEIZE, 5",
        "PTRACE_SEIZE, 22",
        "PTRACE_INTERRUPT, 22",
        "PTRACE_GETREGSET, 5",
        "PTRACE_GETREGSET, 22",
        "waitpid, 22"
    })
    void nothingStaysStoppedIfACallFails(String function, int errno) throws IOException {
        assertThatThrownBy(() -> attach(new FakeLibc().always(function, errno)))
                .isInstanceOfSatisfying(
                        ErrnoException.class, e -> assertThat(e.errno()).isEqualTo(errno))
                .hasMessageContaining("%s failed on thread %d of process %2$d (oddities)", function, program.pid());
        assertThat(program.untouched()).isTrue();
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().startsWith("heapwalk-"));
    }

    @Test
    void aThreadThatCantBeToldToRestartItsCallIsLetGo() throws IOException {
        try (CTarget waiting = CTarget.program("oddities", "interruptible")) {
            assertThat(waiting.line()).isEqualTo("ready");
            FakeLibc libc = new FakeLibc().always("PTRACE_POKEUSER", EIO);
            assertThatThrownBy(() -> {
                        // It says that it is ready a moment before it waits.
                        for (int i = 0; i < 1000; i++) {
                            LiveTarget.attach(waiting.pid(), libc, PROC).close();
                        }
                    })
                    .isInstanceOf(ErrnoException.class)
                    .hasMessageContaining("PTRACE_POKEUSER failed on thread " + waiting.pid());
            assertThat(waiting.untouched()).isTrue();
        }
    }

    /** The program waits in a call that a stop interrupts, and prints what it returned. */
    private static void callGoesOn(FakeLibc libc, Class<? extends TargetException> kind, String message)
            throws IOException, InterruptedException {
        try (CTarget waiting = CTarget.program("oddities", "interruptible")) {
            assertThat(waiting.line()).isEqualTo("ready");
            waiting.await("S0");
            assertThatThrownBy(() -> LiveTarget.attach(waiting.pid(), libc, PROC))
                    .isInstanceOf(kind)
                    .hasMessageContaining(message);
            assertThat(waiting.untouched()).isTrue();
            waiting.await("S0");
            assertThat(new ProcessBuilder("kill", "-USR1", Long.toString(waiting.pid()))
                            .start()
                            .waitFor())
                    .isZero();
            assertThat(waiting.line()).isEqualTo("-1 EINTR handled 1");
        }
    }

    @Test
    void aThreadThatStopsTooLateKeepsItsCall() throws IOException, InterruptedException {
        callGoesOn(
                new FakeLibc().lateStop(700, () -> {}),
                UnsupportedTargetException.class,
                "could not be stopped within 500 ms");
    }

    @ParameterizedTest
    @ValueSource(strings = {"waitpid", "PTRACE_GETREGSET", "PTRACE_POKEUSER"})
    void aThreadKeepsItsCallIfSomethingFailsAtItsStop(String function) throws IOException, InterruptedException {
        callGoesOn(new FakeLibc().next(function, EINVAL), ErrnoException.class, function + " failed on thread");
    }

    @Test
    void aRefusalOfThePtraceCallIsExplained() {
        assertThatThrownBy(() -> attach(new FakeLibc().always("PTRACE_SEIZE", EPERM)))
                .isInstanceOf(PermissionDeniedException.class)
                .hasMessageContaining("CAP_SYS_PTRACE");
    }
}
