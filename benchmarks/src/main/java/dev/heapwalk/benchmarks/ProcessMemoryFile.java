// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** {@code /proc/PID/mem}, read as memory-access reads it where the kernel refuses {@code process_vm_readv}. */
final class ProcessMemoryFile implements AutoCloseable {
    private static final MethodHandle OPEN =
            handle("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT), Linker.Option.firstVariadicArg(2));
    private static final MethodHandle CLOSE = handle("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle PREAD = handle(
            "pread",
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG),
            Linker.Option.captureCallState("errno"));

    private final int descriptor;
    private final MemorySegment errno;

    private ProcessMemoryFile(int descriptor, MemorySegment errno) {
        this.descriptor = descriptor;
        this.errno = errno;
    }

    private static MethodHandle handle(String function, FunctionDescriptor type, Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(function), type, options);
    }

    /** Opens that of a process, good as long as the arena is open. */
    static ProcessMemoryFile open(long pid, Arena arena) {
        int descriptor;
        try {
            descriptor = (int) OPEN.invokeExact(arena.allocateFrom("/proc/" + pid + "/mem"), 0);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
        if (descriptor < 0) {
            throw new IllegalStateException("can't open the memory of process " + pid);
        }
        return new ProcessMemoryFile(descriptor, arena.allocate(Linker.Option.captureStateLayout()));
    }

    int descriptor() {
        return descriptor;
    }

    /** Fills a buffer from an address on; returns how many bytes were read. */
    long read(long address, MemorySegment buffer) {
        try {
            return (long) PREAD.invokeExact(errno, descriptor, buffer, buffer.byteSize(), address);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        try {
            int ignored = (int) CLOSE.invokeExact(descriptor);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
