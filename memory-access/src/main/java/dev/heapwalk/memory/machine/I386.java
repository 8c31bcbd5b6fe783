// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.machine;

import dev.heapwalk.memory.Machine;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** 32-bit x86. Its thread pointer is the base of a segment, which no register set has that is read here. */
final class I386 extends Processor {
    /** {@code struct user_regs_struct32}. */
    private static final List<String> NAMES =
            List.of("ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss".split(" "));

    static final Processor PROCESSOR = new I386();

    private static final int EAX = 6;
    private static final int ORIG_EAX = 11;
    private static final int EIP = 12;
    private static final int ESP = 15;

    /** Where {@code struct user} of x86-64, whose tracer it is, has {@code rax}. */
    private static final int RAX_IN_USER = 10 * Long.BYTES;

    private I386() {
        super(Machine.I386, NAMES);
    }

    /** {@code NT_PRFPREG}, {@code NT_PRXFPREG}, {@code NT_X86_XSTATE}. */
    @Override
    public List<RegisterNote> moreRegisterNotes() {
        return List.of(
                new RegisterNote("CORE", 2), new RegisterNote("LINUX", 0x46e62b7f), new RegisterNote("LINUX", 0x202));
    }

    @Override
    public int programCounter() {
        return EIP;
    }

    @Override
    public int stackPointer() {
        return ESP;
    }

    @Override
    public boolean interruptedCall(MemorySegment set) {
        // The number is negative outside of a call.
        int call = (int) register(set, ORIG_EAX);
        return register(set, EAX) == (INTERRUPTED & 0xffffffffL) && call >= 0 && restarts(call);
    }

    private static boolean restarts(int call) {
        return switch (call) {
            // read, write, readv, writev, socketcall, sendfile, sendfile64, splice, recvmmsg, sendmmsg, connect,
            // accept4, sendto, sendmsg, recvfrom, recvmsg, recvmmsg_time64
            case 3, 4, 145, 146, 102, 187, 239, 313, 337, 345, 362, 364, 369, 370, 371, 372, 417 -> true;
            // ipc (of its calls only semop and semtimedop end in EINTR), semtimedop_time64
            case 117, 420 -> true;
            // rt_sigtimedwait, rt_sigtimedwait_time64
            case 177, 421 -> true;
            // io_getevents, io_uring_enter
            case 247, 426 -> true;
            // epoll_wait, epoll_pwait, epoll_pwait2
            case 256, 319, 441 -> true;
            default -> false;
        };
    }

    @Override
    public int resultInUser() {
        return RAX_IN_USER;
    }

    /** {@code R_386_RELATIVE}. */
    @Override
    public int relativeRelocation() {
        return 8;
    }

    /** {@code R_386_TLS_DTPMOD32}. */
    @Override
    public int threadModuleRelocation() {
        return 35;
    }

    @Override
    public int dtv() {
        return 4;
    }

    @Override
    public int self() {
        return 8;
    }
}
