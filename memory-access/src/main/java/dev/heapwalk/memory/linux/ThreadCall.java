// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.memory.ErrnoException;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.machine.InjectedCall;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Has a stopped thread make an {@link InjectedCall} and puts it back as it was: its registers, its mask of signals, and
 * so the system call that it was in. Belongs to the tracer thread.
 *
 * <p>The order of the steps sees to it that the thread comes back also if this process is killed between any two of
 * them:
 *
 * <ol>
 *   <li>The frames are written, where the thread does not look.
 *   <li>The registers are set, in one call. From here on the thread makes the call when it is let go, and the frames
 *       lead it back. A handler of a signal may run before; it is below the frames.
 *   <li>All signals are masked, so that none is taken for an interruption of this call. The frame has the mask.
 *   <li>The thread goes on, to where the call begins, to its end, and to a stop.
 *   <li>The mask is put back, then the registers: in the other order a death between the two would leave the mask.
 * </ol>
 *
 * <p>In the orderly way {@code rt_sigreturn} never runs. So what only the kernel knows of an interrupted call, such as
 * the time that is left of a {@code nanosleep}, is as after any stop.
 */
final class ThreadCall {
    private static final int NT_PRSTATUS = 1;
    private static final int REGISTERS = 27 * Long.BYTES;
    private static final int EVENT_CLONE = 3;
    private static final int EVENT_STOP = 128;
    private static final int SIGTRAP = 5;

    /** So often a thread may stop on its way, as by job control. */
    private static final int MOST_STOPS = 64;

    /** What must be free below the frames for a handler of a signal, in bytes. */
    private static final int HANDLER = 1 << 13;

    /** It may need this processor, so that it comes no sooner by longer waiting. */
    private static final long SPIN_NANOS = 20_000;

    private static final long PAUSE_NANOS = 20_000;
    /** How long a call may take; a fork of a hundred gigabytes takes two seconds. */
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final Libc libc;
    private final LiveProcess process;
    private final InjectedCall call;
    private final Arena arena = Arena.ofAuto();
    private final MemorySegment vector = arena.allocate(16, 8);
    private final MemorySegment remote = arena.allocate(16, 8);
    private final MemorySegment saved = arena.allocate(512, 8);
    private final MemorySegment set = arena.allocate(512, 8);
    private final MemorySegment vectorState = arena.allocate(InjectedCall.STATE_CAPACITY, 64);
    private final MemorySegment image = arena.allocate(InjectedCall.IMAGE_CAPACITY, 64);
    private final MemorySegment word = arena.allocate(JAVA_LONG);
    private final MemorySegment status = arena.allocate(JAVA_INT);
    private final MemorySegment sequence = arena.allocate(32, 8);
    private final CallFilter filter;
    private boolean filtered;
    private long mask;
    private long stateLength;
    /** Where the frames of the last call are. */
    private long copied;

    /**
     * Makes one.
     *
     * @param call what is found in the program's code
     */
    ThreadCall(Libc libc, LiveProcess process, InjectedCall call) {
        this.libc = libc;
        this.process = process;
        this.call = call;
        this.filter = new CallFilter(libc, process);
    }

    /** The process that the last call has made, by its id here; 0 if it has made none. */
    int copied() {
        return (int) copied;
    }

    /** What was laid out for the last thread. */
    InjectedCall injected() {
        return call;
    }

    /**
     * Looks whether a thread can make a call.
     *
     * @param tid a stopped thread
     * @param mappings of the process
     * @return why not; empty if it can
     */
    Optional<String> refusal(int tid, Mappings mappings) {
        long general = get(tid, NT_PRSTATUS, saved);
        if (general != REGISTERS) {
            return Optional.of("it runs no 64-bit code of x86-64");
        }
        stateLength = get(tid, InjectedCall.STATE_SET, vectorState);
        if (libc.ptrace(Libc.PTRACE_GETSIGMASK, tid, Long.BYTES, word.address()) != 0) {
            return Optional.of("its mask of signals can't be read");
        }
        mask = word.get(JAVA_LONG, 0);
        if (!call.place(saved, vectorState, stateLength)) {
            return Optional.of("its registers are not known");
        }
        if (!ownsStack(mappings)) {
            return Optional.of("its stack pointer is on no stack of a thread, or has no room below it");
        }
        if (!InjectedCall.inCall(saved) && inSequence(tid)) {
            return Optional.of("it is in a restartable sequence");
        }
        filtered = filter.filters(tid);
        if (filtered && !mayMakeCalls(tid)) {
            return Optional.of("it has a filter of its system calls (seccomp), of which nobody can tell that it allows"
                    + " clone, wait4, rt_sigtimedwait, rt_sigreturn and exit_group: only a reader with CAP_SYS_ADMIN"
                    + " may see it");
        }
        return intact(tid) ? Optional.empty() : Optional.of("it runs another program by now");
    }

    private boolean mayMakeCalls(int tid) {
        long instruction = call.call() + 2;
        return filter.allows(tid, instruction, InjectedCall.CLONE, ForkedProcess.CLONE_FILES, call.copyStack())
                && filter.allows(tid, instruction, InjectedCall.WAIT4)
                && filter.allows(tid, instruction, InjectedCall.SIGTIMEDWAIT)
                && filter.allows(tid, instruction, InjectedCall.SIGRETURN)
                && filter.allows(tid, instruction, InjectedCall.EXIT_GROUP, InjectedCall.ORPHANED);
    }

    /** Whether the code that is needed is still there. */
    private boolean intact(int tid) {
        byte[] code = new byte[16];
        long[] places = {call.call(), call.restorer()};
        for (int i = 0; i < places.length; i++) {
            if (transfer(false, tid, places[i], sequence, code.length) != code.length) {
                return false;
            }
            MemorySegment.copy(sequence, JAVA_BYTE, 0, code, 0, code.length);
            if (i == 0 ? !InjectedCall.isCall(code, 0) : !InjectedCall.isRestorer(code, 0)) {
                return false;
            }
        }
        return true;
    }

    /** Whether the frames lie on a stack that has room for them: that of the first thread, or one with a guard below. */
    private boolean ownsStack(Mappings mappings) {
        long pointer = InjectedCall.stackPointer(saved);
        Mapping stack = mappings.at(pointer).orElse(null);
        if (stack == null
                || !stack.readable()
                || !stack.writable()
                || stack.shared()
                || stack.executable() && !stack.path().equals("[stack]")
                || call.stack() - HANDLER < stack.start()) {
            return false;
        }
        if (stack.path().equals("[stack]")) {
            return true;
        }
        // Threads of glibc and musl have their control block at the end of their stack, and a guard at its beginning.
        long block = InjectedCall.threadPointer(saved);
        Mapping guard = mappings.at(stack.start() - 1).orElse(null);
        return stack.anonymous()
                && stack.contains(block)
                && pointer < block
                && guard != null
                && !guard.readable()
                && !guard.writable()
                && !guard.executable();
    }

    /** Whether the thread is in code that must not be left without the kernel's knowledge. */
    private boolean inSequence(int tid) {
        // struct ptrace_rseq_configuration: the address of the thread's struct rseq comes first.
        long size = libc.ptrace(Libc.PTRACE_GET_RSEQ_CONFIGURATION, tid, sequence.byteSize(), sequence.address());
        long area = size > 0 ? sequence.get(JAVA_LONG, 0) : 0;
        if (area == 0) {
            return false;
        }
        // Its rseq_cs, behind two numbers of processors, leads to a struct rseq_cs: version, flags, start_ip,
        // post_commit_offset, abort_ip.
        if (transfer(false, tid, area + 8, word, Long.BYTES) != Long.BYTES) {
            return true;
        }
        long section = word.get(JAVA_LONG, 0);
        if (section == 0) {
            return false;
        }
        if (transfer(false, tid, section, sequence, sequence.byteSize()) != sequence.byteSize()) {
            return true;
        }
        long into = InjectedCall.programCounter(saved) - sequence.get(JAVA_LONG, 8);
        return Long.compareUnsigned(into, sequence.get(JAVA_LONG, 16)) < 0;
    }

    /**
     * Has a thread make a call that makes no process, and puts it back.
     *
     * @param tid the thread that {@link #refusal} was asked about last
     * @param number of the call
     * @param arguments of it
     * @return what it has returned, or a negative error number
     * @throws NoSuchProcessException if the thread ended
     * @throws TargetException if it was not seen to return; it does so by itself
     */
    long make(int tid, int number, long... arguments) {
        copied = 0;
        call.write(image, saved, mask, vectorState);
        long length = call.end() - call.stack();
        if (transfer(true, tid, call.stack(), image, length) != length) {
            return -Errno.EFAULT;
        }
        call.set(set, saved, call.stack(), number, arguments);
        check("PTRACE_SETREGSET", put(tid, set), tid);
        word.set(JAVA_LONG, 0, -1);
        check("PTRACE_SETSIGMASK", libc.ptrace(Libc.PTRACE_SETSIGMASK, tid, Long.BYTES, word.address()), tid);
        long result = returned(tid);
        word.set(JAVA_LONG, 0, mask);
        check("PTRACE_SETSIGMASK", libc.ptrace(Libc.PTRACE_SETSIGMASK, tid, Long.BYTES, word.address()), tid);
        check("PTRACE_SETREGSET", put(tid, saved), tid);
        return result;
    }

    /** Lets the thread go on to the stop behind the call. */
    private long returned(int tid) {
        boolean within = false;
        boolean over = false;
        boolean known = false;
        long result = 0;
        int signal = 0;
        for (int stops = 0; stops < MOST_STOPS; stops++) {
            check("PTRACE_SYSCALL", libc.ptrace(over ? Libc.PTRACE_CONT : Libc.PTRACE_SYSCALL, tid, 0, signal), tid);
            signal = 0;
            int report = await(tid);
            int event = report >> 16;
            int stop = report >> 8 & 0xff;
            if ((report & 0xff) != 0x7f) {
                throw ended(tid);
            }
            if (event == EVENT_CLONE) {
                check("PTRACE_GETEVENTMSG", libc.ptrace(Libc.PTRACE_GETEVENTMSG, tid, 0, word.address()), tid);
                copied = word.get(JAVA_LONG, 0);
                over = true;
                check("PTRACE_INTERRUPT", libc.ptrace(Libc.PTRACE_INTERRUPT, tid, 0, 0), tid);
            } else if (event == EVENT_STOP && over) {
                if (known) {
                    return result;
                }
                get(tid, NT_PRSTATUS, set);
                return InjectedCall.result(set);
            } else if (event == 0 && stop == SIGTRAP && !within) {
                within = true;
            } else if (event == 0 && stop == SIGTRAP) {
                get(tid, NT_PRSTATUS, set);
                within = false;
                // A stop of job control has the kernel begin the call anew.
                if (!InjectedCall.restarts(set)) {
                    result = InjectedCall.result(set);
                    known = true;
                    over = true;
                    check("PTRACE_INTERRUPT", libc.ptrace(Libc.PTRACE_INTERRUPT, tid, 0, 0), tid);
                }
            } else if (event == 0) {
                // SIGSTOP, which nobody can mask.
                signal = stop;
            }
        }
        throw new TargetException(
                TargetException.Reason.NOT_FORKED,
                "thread %d of %s was stopped again and again while it was to make a system call"
                        .formatted(tid, process.description()));
    }

    private int await(int tid) {
        long begin = System.nanoTime();
        while (true) {
            int got = libc.waitpid(tid, status, Libc.WALL | Libc.WNOHANG);
            if (got == tid) {
                return status.get(JAVA_INT, 0);
            }
            if (got == -Errno.ECHILD) {
                throw ended(tid);
            }
            if (got < 0 && got != -Errno.EINTR) {
                check("waitpid", got, tid);
            }
            long waited = System.nanoTime() - begin;
            if (waited > PATIENCE_NANOS) {
                throw new TargetException(
                        TargetException.Reason.NOT_FORKED,
                        "thread %d of %s has not returned from a system call of ours for %d s; it is let go and does so"
                                        .formatted(
                                                tid,
                                                process.description(),
                                                TimeUnit.NANOSECONDS.toSeconds(PATIENCE_NANOS))
                                + " by itself");
            }
            if (waited < SPIN_NANOS) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }

    private NoSuchProcessException ended(int tid) {
        return new NoSuchProcessException(
                "thread %d of %s ended while a system call was made in it".formatted(tid, process.description()));
    }

    private void check(String request, long result, int tid) {
        if (result == -Errno.ESRCH) {
            throw ended(tid);
        }
        if (result < 0) {
            int errno = (int) -result;
            throw new ErrnoException(
                    request, errno, Errno.name(errno), "thread %d of %s".formatted(tid, process.description()));
        }
    }

    /** Reads a register set; returns how many bytes it has, or a negative error number. */
    private long get(int tid, int type, MemorySegment to) {
        point(vector, to.address(), to.byteSize());
        long result = libc.ptrace(Libc.PTRACE_GETREGSET, tid, type, vector.address());
        Reference.reachabilityFence(arena);
        return result == 0 ? vector.get(JAVA_LONG, 8) : result;
    }

    private long put(int tid, MemorySegment general) {
        point(vector, general.address(), REGISTERS);
        long result = libc.ptrace(Libc.PTRACE_SETREGSET, tid, NT_PRSTATUS, vector.address());
        Reference.reachabilityFence(arena);
        return result;
    }

    private long transfer(boolean write, int tid, long address, MemorySegment local, long length) {
        point(vector, local.address(), length);
        point(remote, address, length);
        return write ? libc.processVmWritev(tid, vector, 1, remote, 1) : libc.processVmReadv(tid, vector, 1, remote, 1);
    }

    private static void point(MemorySegment vector, long address, long length) {
        vector.set(JAVA_LONG, 0, address);
        vector.set(JAVA_LONG, 8, length);
    }

    /**
     * Has a stopped copy of the process make a call, if it may; its registers are not kept.
     *
     * @param pid the process
     * @param stack its stack pointer
     * @param number of the call
     * @param arguments of it
     * @return what it has returned, or a negative error number
     */
    long makeInCopy(int pid, long stack, int number, long... arguments) {
        if (filtered && !filter.allows(pid, call.call() + 2, number, arguments)) {
            return -Errno.EPERM;
        }
        long general = get(pid, NT_PRSTATUS, saved);
        if (general != REGISTERS) {
            return general;
        }
        call.set(set, saved, stack, number, arguments);
        long result = put(pid, set);
        for (int stop = 0; result == 0 && stop < 2; stop++) {
            result = libc.ptrace(Libc.PTRACE_SYSCALL, pid, 0, 0);
            if (result == 0 && (await(pid) & 0xff) != 0x7f) {
                return -Errno.ESRCH;
            }
        }
        return result == 0 && get(pid, NT_PRSTATUS, set) == REGISTERS ? InjectedCall.result(set) : result;
    }

    /** Runs what a call needs once on a thread that can't be traced, so that its code is loaded. */
    void rehearse(int tid, Mappings mappings) {
        refusal(tid, mappings);
        saved.fill((byte) 0);
        InjectedCall.rehearse(saved);
        call.place(saved, vectorState, MOST_STOPS << 4);
        ownsStack(mappings);
        inSequence(tid);
        filter.filters(tid);
        mayMakeCalls(tid);
        intact(tid);
        call.write(image, saved, mask, vectorState);
        call.set(set, saved, 0, 0, 0, 0);
        InjectedCall.restarts(set);
        InjectedCall.result(set);
        put(tid, set);
        word.set(JAVA_LONG, 0, 0);
        libc.ptrace(Libc.PTRACE_SETSIGMASK, tid, Long.BYTES, word.address());
        transfer(true, tid, 0, word, 0);
        transfer(false, tid, 0, word, 0);
        libc.waitpid(tid, status, Libc.WALL | Libc.WNOHANG);
        LockSupport.parkNanos(1);
    }
}
