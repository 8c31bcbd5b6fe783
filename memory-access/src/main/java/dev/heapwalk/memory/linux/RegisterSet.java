// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.heapwalk.memory.Registers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;

/**
 * Reads the general registers of stopped threads, in the layout that the kernel has for the kind of program. Belongs to
 * the tracer thread.
 */
final class RegisterSet {
    private static final long NT_PRSTATUS = 1;
    private static final long NT_ARM_TLS = 0x401;
    private static final long CAPACITY = 512;

    /** {@code struct user_regs_struct} of x86-64: 27 words. */
    private static final int X86_64_SIZE = 27 * 8;

    /** {@code struct user_regs_struct32}: 17 words. */
    private static final int I386_SIZE = 17 * 4;

    /** {@code struct user_pt_regs} of aarch64: x0 to x30, sp, pc, pstate. */
    private static final int AARCH64_SIZE = 34 * 8;

    /** 32-bit ARM: r0 to r15, cpsr, old r0. */
    private static final int ARM_SIZE = 18 * 4;

    /** Where {@code struct user} of x86-64 has {@code rax}, also for a 32-bit program. */
    private static final long USER_RAX = 10 * 8;

    private final Libc libc;
    private final Arena arena = Arena.ofAuto();
    private final MemorySegment vector = arena.allocate(16, 8);
    private final MemorySegment bytes = arena.allocate(CAPACITY, 8);
    private int size;

    RegisterSet(Libc libc) {
        this.libc = libc;
    }

    /**
     * Reads the registers of a thread.
     *
     * @param tid a stopped thread
     * @return 0, or the negative error number
     */
    int load(int tid) {
        return (int) load(tid, NT_PRSTATUS);
    }

    private long load(int tid, long type) {
        vector.set(JAVA_LONG, 0, bytes.address());
        vector.set(JAVA_LONG, 8, CAPACITY);
        size = 0;
        long result = libc.ptrace(Libc.PTRACE_GETREGSET, tid, type, vector.address());
        Reference.reachabilityFence(arena);
        if (result == 0) {
            size = (int) vector.get(JAVA_LONG, 8);
        }
        return result;
    }

    private long word(int index) {
        return bytes.get(JAVA_LONG, index * 8L);
    }

    private long half(int index) {
        return Integer.toUnsignedLong(bytes.get(JAVA_INT, index * 4L));
    }

    /** Whether the thread was about to see an EINTR that nothing but a stop explains. On aarch64 that can't be told. */
    boolean interruptedCall() {
        return switch (size) {
            // rax and orig_rax; the latter is negative outside of a call.
            case X86_64_SIZE -> word(10) == InterruptedCall.EINTR && word(15) >= 0 && InterruptedCall.onX8664(word(15));
            // eax and orig_eax
            case I386_SIZE ->
                half(6) == (InterruptedCall.EINTR & 0xffffffffL)
                        && (int) half(11) >= 0
                        && InterruptedCall.onI386(half(11));
            // The kernel has forgotten the call's number and its first argument (orig_x0 is in no register set) by the
            // time the thread stands still, so there is nothing to begin anew with.
            default -> false;
        };
    }

    /**
     * Lets the kernel decide anew whether an interrupted call ends in EINTR.
     *
     * @param tid the thread, for which {@link #interruptedCall} said yes
     * @return 0, or the negative error number
     */
    long beginAnew(int tid) {
        return libc.ptrace(Libc.PTRACE_POKEUSER, tid, USER_RAX, InterruptedCall.ERESTARTNOHAND);
    }

    /**
     * Loads the code that {@link #load}, {@link #interruptedCall} and {@link #beginAnew} need; the thread is not
     * stopped.
     */
    void rehearse(int tid) {
        load(tid);
        bytes.fill((byte) 0);
        bytes.set(JAVA_LONG, 10 * 8, InterruptedCall.EINTR);
        size = X86_64_SIZE;
        interruptedCall();
        bytes.set(JAVA_INT, 6 * 4, (int) InterruptedCall.EINTR);
        size = I386_SIZE;
        interruptedCall();
        beginAnew(tid);
    }

    /** What was loaded. */
    Registers registers(int tid) {
        boolean wide = size == X86_64_SIZE || size == AARCH64_SIZE;
        long[] general = new long[size / (wide ? 8 : 4)];
        for (int i = 0; i < general.length; i++) {
            general[i] = wide ? word(i) : half(i);
        }
        return switch (size) {
            case X86_64_SIZE -> new Registers(general[16], general[19], general[21], general);
            case I386_SIZE -> new Registers(general[12], general[15], 0, general);
            case ARM_SIZE -> new Registers(general[15], general[13], 0, general);
            case AARCH64_SIZE -> {
                long tls = load(tid, NT_ARM_TLS) == 0 && size >= 8 ? word(0) : 0;
                yield new Registers(general[32], general[31], tls, general);
            }
            default -> new Registers(0, 0, 0, general);
        };
    }
}
