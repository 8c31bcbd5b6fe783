// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.machine;

import dev.heapwalk.memory.Machine;
import java.util.List;

/** x86-64 with 32-bit pointers. The registers in a core of it are not read. */
final class X32 extends Processor {
    static final Processor PROCESSOR = new X32();

    private X32() {
        super(Machine.X32, List.of());
    }

    @Override
    public int redZone() {
        return 128;
    }

    /** {@code R_X86_64_RELATIVE}. */
    @Override
    public int relativeRelocation() {
        return 8;
    }

    /** {@code R_X86_64_TPOFF64}. */
    @Override
    public int threadOffsetRelocation() {
        return 18;
    }

    /** {@code R_X86_64_DTPMOD64}. */
    @Override
    public int threadModuleRelocation() {
        return 16;
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
