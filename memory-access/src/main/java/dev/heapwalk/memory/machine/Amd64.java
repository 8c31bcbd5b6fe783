// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.machine;

import dev.heapwalk.memory.Machine;
import java.util.List;

/** What programs for AMD64 have in common, whatever the size of their pointers. */
abstract sealed class Amd64 extends Processor permits X8664, X32 {
    Amd64(Machine machine, List<String> registerNames) {
        super(machine, registerNames);
    }

    @Override
    public final int redZone() {
        return 128;
    }

    /** {@code R_X86_64_RELATIVE}. */
    @Override
    public final int relativeRelocation() {
        return 8;
    }

    /** {@code R_X86_64_TPOFF64}. */
    @Override
    public final int threadOffsetRelocation() {
        return 18;
    }

    /** {@code R_X86_64_DTPMOD64}. */
    @Override
    public final int threadModuleRelocation() {
        return 16;
    }

    /** The second word of {@code tcbhead_t}. */
    @Override
    public final int dtv() {
        return machine().wordSize();
    }

    /** The third word of {@code tcbhead_t}. */
    @Override
    public final int self() {
        return 2 * machine().wordSize();
    }
}
