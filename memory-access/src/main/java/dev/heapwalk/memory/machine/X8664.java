// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.machine;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.raw.Words;
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

    static final int RAX = 10;
    static final int ORIG_RAX = 15;
    static final int RIP = 16;
    static final int RSP = 19;
    static final int FS_BASE = 21;

    /** Where {@code struct rt_sigframe} has {@code uc.uc_flags}, of which there are three. */
    static final long FLAGS = 8;

    static final long ALL_FLAGS = 7;

    /** Where it has {@code uc.uc_mcontext}, a {@code struct sigcontext_64}. */
    static final long CONTEXT = 48;

    /** The registers of that, a word each, by their index in a register set. */
    static final int[] IN_CONTEXT = {9, 8, 7, 6, 3, 2, 1, 0, 14, 13, 4, 5, 12, RAX, 11, RSP, RIP, 18};

    /** {@code cs}, 16 bits, behind them, and what 64-bit code has in it. */
    static final long CS = CONTEXT + 144;

    static final short USER_CS = 0x33;
    static final int CS_INDEX = 17;

    /** The instruction {@code syscall}. */
    private static final short SYSCALL = 0x050f;

    /** {@code mov $15, %rax} and {@code mov $15, %eax}: {@code rt_sigreturn}. */
    static final byte[][] SIGRETURN = {{0x48, (byte) 0xc7, (byte) 0xc0, 15, 0, 0, 0}, {(byte) 0xb8, 15, 0, 0, 0}};

    /** By DWARF's numbers: rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8 to r15, the return address. */
    private static final int[] DWARF = {RAX, 12, 11, 5, 13, 14, 4, RSP, 9, 8, 7, 6, 3, 2, 1, 0, RIP};

    private X8664() {
        super(Machine.X86_64, NAMES);
    }

    /** {@code NT_PRFPREG}, {@code NT_X86_XSTATE}, {@code NT_X86_SHSTK}. */
    @Override
    public List<RegisterNote> moreRegisterNotes() {
        return List.of(new RegisterNote("CORE", 2), new RegisterNote("LINUX", 0x202), new RegisterNote("LINUX", 0x204));
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
    public boolean waits(long[] general) {
        // The number is negative outside of a call.
        long call = general.length > ORIG_RAX ? general[ORIG_RAX] : -1;
        return switch ((int) call) {
            // mmap, mprotect, munmap, brk, mremap, madvise
            case 9, 10, 11, 12, 25, 28 -> false;
            default -> call >= 0;
        };
    }

    @Override
    public int resultInUser() {
        return RAX * Long.BYTES;
    }

    @Override
    public int signalFrameSize() {
        return (int) CS + Long.BYTES;
    }

    @Override
    public boolean signalFrame(MemorySegment stack, long at) {
        return stack.get(Words.SHORT, at + CS) == USER_CS && (stack.get(Words.LONG, at + FLAGS) & ~ALL_FLAGS) == 0;
    }

    @Override
    public boolean returnsFromSignal(MemorySegment code) {
        for (byte[] number : SIGRETURN) {
            if (code.asSlice(0, number.length).mismatch(MemorySegment.ofArray(number)) < 0
                    && code.get(Words.SHORT, number.length) == SYSCALL) {
                return true;
            }
        }
        return false;
    }

    @Override
    public Registers interrupted(MemorySegment stack, long at, long threadPointer) {
        long[] general = new long[NAMES.size()];
        for (int i = 0; i < IN_CONTEXT.length; i++) {
            general[IN_CONTEXT[i]] = stack.get(Words.LONG, at + CONTEXT + 8L * i);
        }
        general[CS_INDEX] = USER_CS;
        general[ORIG_RAX] = -1;
        general[FS_BASE] = threadPointer;
        return new Registers(this, general, threadPointer);
    }

    /** The handler has taken the address that it returns to off the stack, with which the frame begins. */
    @Override
    public int signalRegister(int index) {
        for (int i = 0; i < IN_CONTEXT.length; i++) {
            if (IN_CONTEXT[i] == index) {
                return (int) CONTEXT - Long.BYTES + Long.BYTES * i;
            }
        }
        return -1;
    }

    @Override
    public int[] dwarfRegisters() {
        return DWARF;
    }

    /** The same since glibc 2.4. */
    @Override
    public int threadId() {
        return 720;
    }
}
