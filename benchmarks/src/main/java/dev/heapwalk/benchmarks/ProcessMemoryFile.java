// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;

/** {@code /proc/PID/mem}, opened for what reads it in C. */
final class ProcessMemoryFile implements AutoCloseable {
    private static final MethodHandle OPEN =
            handle("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT), Linker.Option.firstVariadicArg(2));
    private static final MethodHandle CLOSE = handle("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));

    private final int descriptor;

    private ProcessMemoryFile(int descriptor) {
        this.descriptor = descriptor;
    }

    private static MethodHandle handle(String function, FunctionDescriptor type, Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(function), type, options);
    }

    /** Opens that of a process. */
    static ProcessMemoryFile open(long pid) {
        int descriptor;
        try (Arena arena = Arena.ofConfined()) {
            descriptor = (int) OPEN.invokeExact(arena.allocateFrom("/proc/" + pid + "/mem"), 0);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
        if (descriptor < 0) {
            throw new IllegalStateException("can't open the memory of process " + pid);
        }
        return new ProcessMemoryFile(descriptor);
    }

    int descriptor() {
        return descriptor;
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
