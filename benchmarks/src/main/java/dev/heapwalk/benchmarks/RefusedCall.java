// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Has the kernel refuse {@code process_vm_readv}, as it does in some containers, so that Heapwalk reads {@code
 * /proc/PID/mem} instead. The seccomp filter takes some time of each other call too, from Java and from C alike.
 */
final class RefusedCall {
    private static final int PR_SET_SECCOMP = 22;
    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final long SECCOMP_MODE_FILTER = 2;
    private static final int RETURN_EPERM = 0x5_0001;
    private static final int RETURN_ALLOW = 0x7fff_0000;
    // Of struct seccomp_data.
    private static final int NUMBER = 0;
    private static final int ARCHITECTURE = 4;
    // Of struct sock_filter.
    private static final int INSTRUCTION_SIZE = 8;
    private static final short LOAD_WORD = 0x20;
    private static final short JUMP_IF_EQUAL = 0x15;
    private static final short RETURN = 0x06;

    private RefusedCall() {}

    /** From now on, for this thread and those that it starts, and there is no way back. */
    static void fromNowOn() {
        boolean aarch64 = System.getProperty("os.arch").equals("aarch64");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment filter = arena.allocate(6L * INSTRUCTION_SIZE, Integer.BYTES);
            set(filter, 0, LOAD_WORD, 0, 0, ARCHITECTURE);
            set(filter, 1, JUMP_IF_EQUAL, 0, 3, aarch64 ? 0xc000_00b7 : 0xc000_003e);
            set(filter, 2, LOAD_WORD, 0, 0, NUMBER);
            set(filter, 3, JUMP_IF_EQUAL, 0, 1, aarch64 ? 270 : 310);
            set(filter, 4, RETURN, 0, 0, RETURN_EPERM);
            set(filter, 5, RETURN, 0, 0, RETURN_ALLOW);
            MemorySegment program = arena.allocate(16, Long.BYTES);
            program.set(JAVA_SHORT, 0, (short) 6);
            program.set(ADDRESS, 8, filter);
            Linker linker = Linker.nativeLinker();
            MethodHandle prctl = linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("prctl"),
                    FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
                    Linker.Option.firstVariadicArg(1));
            // Without the first the kernel takes filters from none but root.
            if ((int) prctl.invokeExact(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0
                    || (int) prctl.invokeExact(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program.address(), 0L, 0L) != 0) {
                throw new IllegalStateException(
                        "the kernel takes no seccomp filter, without which /proc/PID/mem is not read");
            }
        } catch (RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static void set(MemorySegment filter, int index, short code, int ifTrue, int ifFalse, int operand) {
        long at = (long) index * INSTRUCTION_SIZE;
        filter.set(JAVA_SHORT, at, code);
        filter.set(JAVA_BYTE, at + 2, (byte) ifTrue);
        filter.set(JAVA_BYTE, at + 3, (byte) ifFalse);
        filter.set(JAVA_INT, at + 4, operand);
    }
}
