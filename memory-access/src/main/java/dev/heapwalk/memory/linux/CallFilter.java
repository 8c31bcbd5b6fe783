// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.machine.InjectedCall;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/**
 * Which system calls a stopped thread may make: a filter ({@code seccomp}) may forbid them, or end the program. The
 * kernel shows the filters to a reader with CAP_SYS_ADMIN that has none itself. Belongs to the tracer thread.
 */
final class CallFilter {
    /** How many filters a thread may have, one on top of the other. */
    private static final int MOST_FILTERS = 256;

    private final Libc libc;
    private final LiveProcess process;
    private final Arena arena = Arena.ofAuto();
    private final MemorySegment program =
            arena.allocate((long) FilterProgram.MOST_INSTRUCTIONS * FilterProgram.INSTRUCTION, 8);
    private final MemorySegment call = arena.allocate(FilterProgram.CALL, 8);

    CallFilter(Libc libc, LiveProcess process) {
        this.libc = libc;
        this.process = process;
    }

    /** Whether a thread has filters, as far as can be told. */
    boolean filters(int tid) {
        // Quicker than the file, for who may ask.
        if (libc.ptrace(Libc.PTRACE_SECCOMP_GET_FILTER, tid, 0, 0) == -Errno.EINVAL) {
            return false;
        }
        return !process.proc()
                .statusOf(process.pid(), tid, "Seccomp")
                .filter(mode -> mode.equals("0"))
                .isPresent();
    }

    /**
     * Whether a thread with filters is known to be allowed a call.
     *
     * @param tid a stopped thread
     * @param instruction the address behind that of the call
     * @param number of the call
     * @param arguments of it
     * @return whether all its filters allow it; false also where the kernel does not show them
     */
    boolean allows(int tid, long instruction, int number, long... arguments) {
        call.fill((byte) 0);
        call.set(Words.INT, 0, number);
        call.set(Words.INT, 4, InjectedCall.AUDIT_ARCH);
        call.set(Words.LONG, 8, instruction);
        for (int i = 0; i < arguments.length; i++) {
            call.set(Words.LONG, 16 + 8L * i, arguments[i]);
        }
        for (int filter = 0; filter < MOST_FILTERS; filter++) {
            long length = libc.ptrace(Libc.PTRACE_SECCOMP_GET_FILTER, tid, filter, program.address());
            Reference.reachabilityFence(arena);
            if (length == -Errno.ENOENT) {
                // Behind the last one.
                return filter > 0;
            }
            if (length <= 0
                    || length > FilterProgram.MOST_INSTRUCTIONS
                    || !FilterProgram.allows(program, (int) length, call)) {
                return false;
            }
        }
        return false;
    }
}
