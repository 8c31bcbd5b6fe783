// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Signals that a process ignores, sent while it is stopped or let go. The kernel drops them when they are sent, but not
 * where their addressee is traced: then they end the call of a thread that is not, unless the tracer sees to it.
 */
class IgnoredSignalTest {
    private static final ProcFs PROC = ProcFs.ofThisMachine();
    /** More than there are calls of {@code ptrace} in one round. */
    private static final int CHILDREN = 100;

    private final Deque<Long> children = new ArrayDeque<>();

    private CTarget start() throws IOException, InterruptedException {
        CTarget program = CTarget.program("ignoring");
        assertThat(program.line()).isEqualTo("ready");
        program.await("S0");
        assertThat(program.threads()).hasSize(10);
        return program;
    }

    private static void seesNoInterruptedCall(CTarget program, String when) throws IOException, InterruptedException {
        assertThat(program.untouched()).isTrue();
        program.await("S0");
        program.say("?");
        assertThat(program.line()).as(when).isEqualTo("eintr 0 other 0");
    }

    private void fork(CTarget program, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            program.say("fork");
            children.add(Long.parseLong(program.line()));
        }
    }

    /** Ends one child and waits until the kernel has told the parent. */
    private void endChild() {
        long child = children.remove();
        ProcessHandle.of(child).orElseThrow().destroyForcibly();
        try {
            while (!Files.readString(Path.of("/proc/" + child + "/stat")).contains(") Z ")) {
                Thread.onSpinWait();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void signal(long pid, String... signals) {
        try {
            for (String signal : signals) {
                assertThat(new ProcessBuilder("/usr/bin/kill", "-" + signal, Long.toString(pid))
                                .start()
                                .waitFor())
                        .isZero();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** A child ends before the first call of {@code ptrace}, at the next stop before the second, and so on. */
    @Test
    void theEndOfAChildInterruptsNoCall() throws IOException, InterruptedException {
        try (CTarget program = start()) {
            fork(program, CHILDREN);
            int[] calls = {0};
            for (int which = 1; calls[0] >= which - 1; which++) {
                int chosen = which;
                calls[0] = 0;
                FakeLibc libc = new FakeLibc().beforePtrace(() -> {
                    if (++calls[0] == chosen) {
                        endChild();
                    }
                });
                try (var target = LiveTarget.attach(program.pid(), libc, PROC)) {
                    assertThat(target.threads()).hasSize(10);
                    if (calls[0] < chosen) {
                        endChild();
                    }
                }
                seesNoInterruptedCall(program, "call " + which + " of " + calls[0]);
            }
            assertThat(children).hasSizeBetween(1, CHILDREN - 30);
        }
    }

    /** Before a thread is seized it is asked whether it has children; right after that it forks one. */
    @ParameterizedTest
    @ValueSource(ints = {0, Errno.EIO, Errno.EPERM, Errno.EINVAL})
    void aThreadThatForksWhenItIsStoppedIsLetGoAndStoppedLater(int detachFails)
            throws IOException, InterruptedException {
        try (CTarget program = start()) {
            int[] calls = {0};
            FakeLibc libc = new FakeLibc().always("PTRACE_DETACH", detachFails).beforePtrace(() -> {
                try {
                    fork(program, ++calls[0] == 1 ? 1 : 0);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            try (var target = LiveTarget.attach(program.pid(), libc, PROC)) {
                assertThat(target.threads()).hasSize(10);
                assertThat(libc.calls("PTRACE_DETACH")).isEqualTo(1);
                assertThat(libc.calls("PTRACE_SEIZE")).isEqualTo(detachFails == 0 ? 11 : 10);
                assertThat(program.threads().values()).allMatch(state -> state.startsWith("t"));
                endChild();
            }
            seesNoInterruptedCall(program, "after the fork");
        }
    }

    /** The first thread is the last one that is seized, and makes another one before it is interrupted. */
    @Test
    void aThreadIsBornSeized() throws IOException, InterruptedException {
        try (CTarget program = start()) {
            int[] stops = {0};
            FakeLibc libc = new FakeLibc();
            libc.beforePtrace(() -> {
                if (libc.calls("PTRACE_SEIZE") == 10 && stops[0]++ == 0) {
                    try {
                        program.say("thread");
                        while (program.threads().values().stream()
                                        .filter(state -> state.startsWith("t"))
                                        .count()
                                < 11) {
                            Thread.onSpinWait();
                        }
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
            });
            try (var target = LiveTarget.attach(program.pid(), libc, PROC)) {
                assertThat(target.threads()).hasSize(11);
                assertThat(program.threads().values()).hasSize(11).allMatch(state -> state.startsWith("t"));
            }
            assertThat(program.line()).isEqualTo("made");
            seesNoInterruptedCall(program, "after the birth");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aSignalInterruptsNoCall(boolean both) throws IOException, InterruptedException {
        String[] signals = both ? new String[] {"WINCH", "URG"} : new String[] {"WINCH"};
        try (CTarget program = start()) {
            FakeLibc libc = new FakeLibc().beforePtrace(() -> signal(program.pid(), signals));
            for (int round = 0; round < 3; round++) {
                try (var target = LiveTarget.attach(program.pid(), libc, PROC)) {
                    assertThat(target.threads()).hasSize(10);
                    signal(program.pid(), signals);
                }
                seesNoInterruptedCall(program, "round " + round);
            }
        }
    }
}
