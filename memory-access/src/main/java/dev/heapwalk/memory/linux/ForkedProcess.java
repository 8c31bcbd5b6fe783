// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.machine.InjectedCall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A copy of a process, which that process was made to fork, and which never runs its program. It belongs to the tracer
 * thread, and ends with it.
 *
 * <p>Its end is told by no signal, so a program that waits for its children does not see it, unless it asks for {@code
 * __WALL} or {@code __WCLONE}. It shares the table of open files at first, so that what the program closes is closed;
 * then it leaves the table.
 */
final class ForkedProcess {
    /** Share the table of open files; no signal at the end. */
    static final long CLONE_FILES = 0x400;

    private static final int PR_SET_NAME = 15;
    private static final long ALL_DESCRIPTORS = 0xffffffffL;
    private static final long CLOSE_RANGE_UNSHARE = 2;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long SPIN_NANOS = 20_000;
    private static final long PAUSE_NANOS = 20_000;

    private final Libc libc;
    private final MemorySegment status = Arena.ofAuto().allocate(JAVA_INT);
    private final int pid;
    private final long pidInside;

    private ForkedProcess(Libc libc, int pid, long pidInside) {
        this.libc = libc;
        this.pid = pid;
        this.pidInside = pidInside;
    }

    /**
     * Makes a copy.
     *
     * @param process whose
     * @param call makes the call
     * @param tid a stopped thread that can make it
     * @return the copy; the thread is as it was
     * @throws TargetException with {@link TargetException.Reason#NOT_FORKED} if there is none; the thread is as it was
     *     then, too
     */
    static ForkedProcess of(Libc libc, LiveProcess process, ThreadCall call, int tid) {
        long result =
                call.make(tid, InjectedCall.CLONE, CLONE_FILES, call.injected().copyStack());
        if (result < 0) {
            throw refused(process, (int) -result);
        }
        return new ForkedProcess(libc, call.copied(), result);
    }

    private static TargetException refused(LiveProcess process, int errno) {
        String why = switch (errno) {
            case Errno.EAGAIN ->
                "there may be no more processes: its user has a limit (RLIMIT_NPROC), or its cgroup (pids.max)";
            case Errno.ENOMEM ->
                "there is no memory for it: its cgroup has a limit, or the machine allows no more"
                        + " (vm.overcommit_memory)";
            case Errno.EPERM, Errno.ENOSYS, Errno.EACCES -> "a filter of its system calls forbids it";
            case Errno.EFAULT -> "its stack can't be written";
            default -> "that is all the kernel tells";
        };
        return new TargetException(
                TargetException.Reason.NOT_FORKED,
                "%s could not be made to fork a copy (%s): %s"
                        .formatted(process.description(), Errno.name(errno), why));
    }

    /**
     * Has the kernel kill it when this thread ends. Before that it gets a name of its own, by which it is known when it
     * is dead; then it closes its files, so that what the program closes is closed. To be called when the process runs
     * on.
     *
     * @param call what made it
     */
    void hold(ThreadCall call) {
        if ((await() & 0xff) != 0x7f) {
            throw gone(Errno.ESRCH);
        }
        long stack = call.injected().copyStack();
        call.makeInCopy(
                pid, stack, InjectedCall.PRCTL, PR_SET_NAME, call.injected().name());
        long result = libc.ptrace(Libc.PTRACE_SETOPTIONS, pid, 0, Libc.PTRACE_O_EXITKILL);
        if (result != 0) {
            throw gone((int) -result);
        }
        call.makeInCopy(pid, stack, InjectedCall.CLOSE_RANGE, 0, ALL_DESCRIPTORS, CLOSE_RANGE_UNSHARE);
    }

    private static TargetException gone(int errno) {
        return new TargetException(
                TargetException.Reason.NOT_FORKED,
                "the copy of a process ended as soon as it was forked (%s)".formatted(Errno.name(errno)));
    }

    /**
     * Has a thread wait for a dead copy, so that it is forgotten.
     *
     * @param tid a stopped thread of the process that it was a copy of, that can make the call
     * @param pidInside the copy's id there
     * @return that id, or what else the call returned
     */
    static long forget(ThreadCall call, int tid, long pidInside) {
        return call.make(tid, InjectedCall.WAIT4, pidInside, 0, Libc.WNOHANG | Libc.WALL);
    }

    private int await() {
        long begin = System.nanoTime();
        while (true) {
            int got = libc.waitpid(pid, status, Libc.WALL | Libc.WNOHANG);
            if (got == pid) {
                return status.get(JAVA_INT, 0);
            }
            long waited = System.nanoTime() - begin;
            if (got < 0 && got != -Errno.EINTR || waited > PATIENCE_NANOS) {
                throw gone(got < 0 ? -got : Errno.EAGAIN);
            }
            if (waited < SPIN_NANOS) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }

    /** Has the code of this loaded. */
    static ForkedProcess rehearse(Libc libc) {
        return new ForkedProcess(libc, 0, 0);
    }

    /** Its process id here. */
    int pid() {
        return pid;
    }

    /** Its process id where the process lives that it is a copy of. */
    long pidInside() {
        return pidInside;
    }

    /** Ends it. What is left is for the process to wait for. */
    void kill() {
        libc.kill(pid, Libc.SIGKILL);
        while ((await() & 0xff) == 0x7f) {
            // It stood still.
        }
    }
}
