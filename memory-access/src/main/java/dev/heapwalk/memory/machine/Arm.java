// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.machine;

import dev.heapwalk.memory.Machine;
import java.util.List;

/** 32-bit ARM. Its thread pointer is in no register set that is read here. */
final class Arm extends TlsAbove {
    /** {@code struct pt_regs}; gdb has no name for the last one. */
    private static final List<String> NAMES =
            List.of("r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 sp lr pc cpsr orig_r0".split(" "));

    static final Processor PROCESSOR = new Arm();

    private static final int SP = 13;
    private static final int PC = 15;

    private Arm() {
        super(Machine.ARM, NAMES);
    }

    /** {@code NT_PRFPREG}, {@code NT_ARM_VFP}. */
    @Override
    public List<RegisterNote> moreRegisterNotes() {
        return List.of(new RegisterNote("CORE", 2), new RegisterNote("LINUX", 0x400));
    }

    @Override
    public int programCounter() {
        return PC;
    }

    @Override
    public int stackPointer() {
        return SP;
    }

    /** {@code R_ARM_RELATIVE}. */
    @Override
    public int relativeRelocation() {
        return 23;
    }

    /** {@code R_ARM_TLS_DTPMOD32}. */
    @Override
    public int threadModuleRelocation() {
        return 17;
    }
}
