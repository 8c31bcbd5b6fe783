// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

/**
 * A relocation.
 *
 * @param address target address of the relocated word
 * @param type {@code R_*}
 * @param symbol index of the dynamic symbol that it refers to, or 0
 * @param addend the addend
 */
record Relocation(long address, int type, long symbol, long addend) {}
