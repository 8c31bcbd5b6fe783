// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Calls of the C library that put other files in the place of the standard streams. */
final class Descriptors {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle CREAT =
            function("creat", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
    private static final MethodHandle DUP =
            function("dup", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
    private static final MethodHandle DUP2 =
            function("dup2", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
    private static final MethodHandle CLOSE =
            function("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));

    private Descriptors() {}

    private static MethodHandle function(String name, FunctionDescriptor descriptor) {
        return LINKER.downcallHandle(LINKER.defaultLookup().find(name).orElseThrow(), descriptor);
    }

    static int copy(int descriptor) throws Throwable {
        return checked((int) DUP.invokeExact(descriptor));
    }

    static void become(int descriptor, String file) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            int opened = checked((int) CREAT.invokeExact(arena.allocateFrom(file), 0600));
            checked((int) DUP2.invokeExact(opened, descriptor));
            checked((int) CLOSE.invokeExact(opened));
        }
    }

    private static int checked(int result) throws IOException {
        if (result < 0) {
            throw new IOException("a descriptor could not be changed");
        }
        return result;
    }
}
