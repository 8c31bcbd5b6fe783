// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
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

/** The C library of this process. */
final class FfmLibc implements Libc {
    private static final StructLayout STATE = Linker.Option.captureStateLayout();
    private static final long ERRNO = STATE.byteOffset(StructLayout.PathElement.groupElement("errno"));

    // One for each thread: a shared one would let two threads overwrite each other's errno.
    private static final ThreadLocal<MemorySegment> CAPTURED =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(STATE));

    private static final MethodHandle PTRACE = handle(
            "ptrace",
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG),
            Linker.Option.firstVariadicArg(1));
    private static final MethodHandle WAITPID =
            handle("waitpid", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
    private static final FunctionDescriptor PROCESS_VM_READV_TYPE =
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle PROCESS_VM_READV = handle("process_vm_readv", PROCESS_VM_READV_TYPE);
    private static final MethodHandle PROCESS_VM_READV_PLAIN = plain("process_vm_readv", PROCESS_VM_READV_TYPE);
    private static final MethodHandle OPEN =
            handle("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT), Linker.Option.firstVariadicArg(2));
    private static final FunctionDescriptor PREAD_TYPE =
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle PREAD = handle("pread", PREAD_TYPE);
    private static final MethodHandle PREAD_PLAIN = plain("pread", PREAD_TYPE);
    private static final MethodHandle IOCTL = handle(
            "ioctl", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS), Linker.Option.firstVariadicArg(2));
    private static final MethodHandle CLOSE = handle("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle GETTID = handle("gettid", FunctionDescriptor.of(JAVA_INT));

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

    private static MethodHandle handle(String function, FunctionDescriptor descriptor, Linker.Option... more) {
        Linker linker = Linker.nativeLinker();
        Linker.Option[] options = new Linker.Option[more.length + 1];
        options[0] = Linker.Option.captureCallState("errno");
        System.arraycopy(more, 0, options, 1, more.length);
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(function), descriptor, options);
    }

    /**
     * A function without its {@code errno}. To capture that takes an object of 40 bytes at each call, which the
     * compiler does not see through in every JVM; so reads ask for it when they have failed, by failing once more.
     */
    private static MethodHandle plain(String function, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(function), descriptor);
    }

    private static long result(long returned, MemorySegment state) {
        return returned == -1 ? -state.get(JAVA_INT, ERRNO) : returned;
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
        MemorySegment state = CAPTURED.get();
        try {
            return result((long) PTRACE.invokeExact(state, request, tid, address, data), state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public int waitpid(int tid, MemorySegment status, int options) {
        MemorySegment state = CAPTURED.get();
        try {
            return (int) result((int) WAITPID.invokeExact(state, tid, status, options), state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public long processVmReadv(int tid, MemorySegment local, long localCount, MemorySegment remote, long remoteCount) {
        try {
            long read = (long) PROCESS_VM_READV_PLAIN.invokeExact(tid, local, localCount, remote, remoteCount, 0L);
            if (read >= 0) {
                return read;
            }
            MemorySegment state = CAPTURED.get();
            return result(
                    (long) PROCESS_VM_READV.invokeExact(state, tid, local, localCount, remote, remoteCount, 0L), state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public int open(String path, int flags) {
        MemorySegment state = CAPTURED.get();
        try (Arena arena = Arena.ofConfined()) {
            return (int) result((int) OPEN.invokeExact(state, arena.allocateFrom(path), flags), state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public long pread(int fd, MemorySegment buffer, long length, long offset) {
        try {
            long read = (long) PREAD_PLAIN.invokeExact(fd, buffer, length, offset);
            if (read >= 0) {
                return read;
            }
            MemorySegment state = CAPTURED.get();
            return result((long) PREAD.invokeExact(state, fd, buffer, length, offset), state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public long ioctl(int fd, long request, MemorySegment argument) {
        MemorySegment state = CAPTURED.get();
        try {
            return result((int) IOCTL.invokeExact(state, fd, request, argument), state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public int close(int fd) {
        MemorySegment state = CAPTURED.get();
        try {
            return (int) result((int) CLOSE.invokeExact(state, fd), state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public int gettid() {
        MemorySegment state = CAPTURED.get();
        try {
            return (int) GETTID.invokeExact(state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }
}
