// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.machine;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * ARM64. Whether a call was interrupted can't be told: the kernel has forgotten the call's number and its first
 * argument ({@code orig_x0} is in no register set) by the time the thread stands still, so there is nothing to
 * restart it with.
 */
final class Aarch64 extends TlsAbove {
    static final Processor PROCESSOR = new Aarch64();

    private static final int SP = 31;
    private static final int PC = 32;
    /** {@code NT_ARM_TLS}. */
    private static final int TLS_SET = 0x401;

    /** By DWARF's numbers: x0 to x30, sp, pc. */
    private static final int[] DWARF = IntStream.rangeClosed(0, PC).toArray();

    /** Where {@code struct rt_sigframe} has {@code uc.uc_mcontext.regs}: behind 128 bytes of {@code info} and 184 more. */
    private static final int CONTEXT = 312;

    /** {@code mov x8, #139} and {@code svc #0}: {@code rt_sigreturn}. */
    private static final int SIGRETURN = 0xd2801168;

    private static final int CALL = 0xd4000001;

    private Aarch64() {
        super(
                Machine.AARCH64,
                // struct user_pt_regs; its pstate is gdb's cpsr.
                Stream.concat(IntStream.rangeClosed(0, 30).mapToObj(i -> "x" + i), Stream.of("sp", "pc", "cpsr"))
                        .toList());
    }

    /**
     * {@code NT_PRFPREG}, {@code NT_ARM_TLS}, {@code NT_ARM_SYSTEM_CALL}, {@code NT_ARM_SVE}, {@code NT_ARM_SSVE},
     * {@code NT_ARM_ZA}, {@code NT_ARM_PAC_MASK}, {@code NT_ARM_TAGGED_ADDR_CTRL}.
     */
    @Override
    public List<RegisterNote> moreRegisterNotes() {
        return List.of(
                new RegisterNote("CORE", 2),
                new RegisterNote("LINUX", TLS_SET),
                new RegisterNote("LINUX", 0x404),
                new RegisterNote("LINUX", 0x405),
                new RegisterNote("LINUX", 0x40b),
                new RegisterNote("LINUX", 0x40c),
                new RegisterNote("LINUX", 0x406),
                new RegisterNote("LINUX", 0x409));
    }

    @Override
    public int programCounter() {
        return PC;
    }

    @Override
    public int stackPointer() {
        return SP;
    }

    @Override
    public int threadPointerSet() {
        return TLS_SET;
    }

    /** {@code tpidr_el0}. */
    @Override
    public String threadPointerName() {
        return "tpidr";
    }

    @Override
    public boolean returnsFromSignal(MemorySegment code) {
        return code.get(Words.INT, 0) == SIGRETURN && code.get(Words.INT, Integer.BYTES) == CALL;
    }

    @Override
    public int signalRegister(int index) {
        return CONTEXT + Long.BYTES * index;
    }

    /** {@code x30}. */
    @Override
    public int linkRegister() {
        return SP - 1;
    }

    @Override
    public int[] dwarfRegisters() {
        return DWARF;
    }

    /** {@code R_AARCH64_RELATIVE}. */
    @Override
    public int relativeRelocation() {
        return 1027;
    }

    /** {@code R_AARCH64_TLS_TPREL}. */
    @Override
    public int threadOffsetRelocation() {
        return 1030;
    }

    /** {@code R_AARCH64_TLS_DTPMOD}. */
    @Override
    public int threadModuleRelocation() {
        return 1028;
    }
}
