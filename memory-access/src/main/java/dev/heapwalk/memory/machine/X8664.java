// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.machine;

import dev.heapwalk.memory.Machine;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** AMD64. */
final class X8664 extends Amd64 {
    /** {@code struct user_regs_struct}. */
    private static final List<String> NAMES =
            List.of(("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
                            + "fs_base gs_base ds es fs gs")
                    .split(" "));

    static final Processor PROCESSOR = new X8664();

    private static final int RAX = 10;
    private static final int ORIG_RAX = 15;
    private static final int RIP = 16;
    private static final int RSP = 19;
    private static final int FS_BASE = 21;

    private X8664() {
        super(Machine.X86_64, NAMES);
    }

    @Override
    public int programCounter() {
        return RIP;
    }

    @Override
    public int stackPointer() {
        return RSP;
    }

    @Override
    public int threadPointer() {
        return FS_BASE;
    }

    @Override
    public boolean interruptedCall(MemorySegment set) {
        // The number is negative outside of a call.
        long call = register(set, ORIG_RAX);
        return register(set, RAX) == INTERRUPTED && call >= 0 && restarts((int) call);
    }

    private static boolean restarts(int call) {
        return switch (call) {
            // On sockets with SO_RCVTIMEO or SO_SNDTIMEO: read, write, readv, writev, sendfile, connect, accept,
            // sendto, recvfrom, sendmsg, recvmsg, splice, accept4, recvmmsg, sendmmsg.
            case 0, 1, 19, 20, 40, 42, 43, 44, 45, 46, 47, 275, 288, 299, 307 -> true;
            // semop, semtimedop
            case 65, 220 -> true;
            // rt_sigtimedwait
            case 128 -> true;
            // io_getevents, io_uring_enter
            case 208, 426 -> true;
            // epoll_wait, epoll_pwait, epoll_pwait2
            case 232, 281, 441 -> true;
            default -> false;
        };
    }

    @Override
    public int resultInUser() {
        return RAX * Long.BYTES;
    }

    /** The same since glibc 2.4. */
    @Override
    public int threadId() {
        return 720;
    }
}
