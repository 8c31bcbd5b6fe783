// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.Machine;

/**
 * A relocation.
 *
 * @param address target address of the relocated word
 * @param type {@code R_*}
 * @param symbol index of the dynamic symbol that it refers to, or 0
 * @param addend the addend
 */
record Relocation(long address, int type, long symbol, long addend) {

    /** {@code R_X86_64_RELATIVE}, {@code R_386_RELATIVE}, {@code R_AARCH64_RELATIVE}, {@code R_ARM_RELATIVE}. */
    static int relative(Machine machine) {
        return switch (machine) {
            case X86_64, X32, I386 -> 8;
            case AARCH64 -> 1027;
            case ARM -> 23;
            case OTHER -> -1;
        };
    }

    /** {@code R_X86_64_TPOFF64}, {@code R_AARCH64_TLS_TPREL}. */
    static int threadOffset(Machine machine) {
        return switch (machine) {
            case X86_64, X32 -> 18;
            case AARCH64 -> 1030;
            case I386, ARM, OTHER -> -1;
        };
    }
}
