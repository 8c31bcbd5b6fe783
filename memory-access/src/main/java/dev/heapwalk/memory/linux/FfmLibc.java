// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.raw.NativeAccess;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Reference;

/** The C library of this process. */
final class FfmLibc implements Libc {
    private static final StructLayout STATE = Linker.Option.captureStateLayout();
    private static final long ERRNO = STATE.byteOffset(StructLayout.PathElement.groupElement("errno"));

    // One for each thread: a shared one would let two threads overwrite each other's errno.
    private static final ThreadLocal<MemorySegment> CAPTURED =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(STATE));

    /**
     * The one shape in which all functions are called: their arguments are integers and pointers, each of which takes a
     * register of its own, and a register more than a function looks at does no harm. For each further shape a JVM
     * spins a dozen classes at each start, which no cache keeps.
     */
    private static final FunctionDescriptor SHAPE =
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);

    private static final Linker LINKER = Linker.nativeLinker();
    /** Takes a function, room for {@code errno}, and the arguments. */
    private static final MethodHandle CALL = LINKER.downcallHandle(SHAPE, Linker.Option.captureCallState("errno"));
    /**
     * Takes a function and the arguments. To capture {@code errno} takes an object of 40 bytes at each call, which the
     * compiler does not see through in every JVM; so reads ask for it when they have failed, by failing once more.
     */
    private static final MethodHandle PLAIN_CALL = LINKER.downcallHandle(SHAPE);

    private static final MemorySegment PTRACE = function("ptrace");
    private static final MemorySegment WAITPID = function("waitpid");
    private static final MemorySegment PROCESS_VM_READV = function("process_vm_readv");
    private static final MemorySegment PROCESS_VM_WRITEV = function("process_vm_writev");
    private static final MemorySegment KILL = function("kill");
    private static final MemorySegment OPEN = function("open");
    private static final MemorySegment PREAD = function("pread");
    private static final MemorySegment IOCTL = function("ioctl");
    private static final MemorySegment CLOSE = function("close");
    private static final MemorySegment GETTID = function("gettid");

    private FfmLibc() {}

    /**
     * The C library.
     *
     * @return one to be used from any thread
     * @throws TargetException if this JVM was not allowed to call it
     */
    static Libc open() {
        try {
            return new FfmLibc();
        } catch (LinkageError e) {
            throw NativeAccess.refused("call the C library", e);
        }
    }

    private static MemorySegment function(String name) {
        return LINKER.defaultLookup().findOrThrow(name);
    }

    /** Calls a function that returns a {@code long}; of a failure the negative error number is returned. */
    private static long call(MemorySegment function, long a, long b, long c, long d, long e, long f) {
        MemorySegment state = CAPTURED.get();
        try {
            long returned = (long) CALL.invokeExact(function, state, a, b, c, d, e, f);
            return returned == -1 ? -state.get(JAVA_INT, ERRNO) : returned;
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /** Calls a function that returns an {@code int}: what stands above that in the register is anything. */
    private static int callInt(MemorySegment function, long a, long b, long c, long d) {
        MemorySegment state = CAPTURED.get();
        try {
            int returned = (int) (long) CALL.invokeExact(function, state, a, b, c, d, 0L, 0L);
            return returned == -1 ? -state.get(JAVA_INT, ERRNO) : returned;
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /** Calls a function that returns a {@code long}, -1 of any failure. */
    private static long plainCall(MemorySegment function, long a, long b, long c, long d, long e, long f) {
        try {
            return (long) PLAIN_CALL.invokeExact(function, a, b, c, d, e, f);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    private static RuntimeException unexpected(Throwable thrown) {
        if (thrown instanceof RuntimeException e) {
            return e;
        }
        if (thrown instanceof Error e) {
            throw e;
        }
        throw new AssertionError("a C function throws nothing else", thrown);
    }

    @Override
    public long ptrace(int request, int tid, long address, long data) {
        return call(PTRACE, request, tid, address, data, 0, 0);
    }

    @Override
    public int waitpid(int tid, MemorySegment status, int options) {
        try {
            return callInt(WAITPID, tid, status.address(), options, 0);
        } finally {
            Reference.reachabilityFence(status);
        }
    }

    @Override
    public long processVmReadv(int tid, MemorySegment local, long localCount, MemorySegment remote, long remoteCount) {
        long from = remote.address();
        long to = local.address();
        try {
            long read = plainCall(PROCESS_VM_READV, tid, to, localCount, from, remoteCount, 0);
            return read >= 0 ? read : call(PROCESS_VM_READV, tid, to, localCount, from, remoteCount, 0);
        } finally {
            Reference.reachabilityFence(local);
            Reference.reachabilityFence(remote);
        }
    }

    @Override
    public long processVmWritev(int tid, MemorySegment local, long localCount, MemorySegment remote, long remoteCount) {
        try {
            return call(PROCESS_VM_WRITEV, tid, local.address(), localCount, remote.address(), remoteCount, 0);
        } finally {
            Reference.reachabilityFence(local);
            Reference.reachabilityFence(remote);
        }
    }

    @Override
    public int kill(int pid, int signal) {
        return callInt(KILL, pid, signal, 0, 0);
    }

    @Override
    public int open(String path, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            return callInt(OPEN, arena.allocateFrom(path).address(), flags, 0, 0);
        }
    }

    @Override
    public long pread(int fd, MemorySegment buffer, long length, long offset) {
        long to = buffer.address();
        try {
            long read = plainCall(PREAD, fd, to, length, offset, 0, 0);
            return read >= 0 ? read : call(PREAD, fd, to, length, offset, 0, 0);
        } finally {
            Reference.reachabilityFence(buffer);
        }
    }

    @Override
    public long ioctl(int fd, long request, MemorySegment argument) {
        try {
            // Asked before most reads: its failures alone are worth the object that errno takes.
            int answer = (int) plainCall(IOCTL, fd, request, argument.address(), 0, 0, 0);
            return answer >= 0 ? answer : callInt(IOCTL, fd, request, argument.address(), 0);
        } finally {
            Reference.reachabilityFence(argument);
        }
    }

    @Override
    public int close(int fd) {
        return callInt(CLOSE, fd, 0, 0, 0);
    }

    @Override
    public int gettid() {
        return callInt(GETTID, 0, 0, 0, 0);
    }
}
