// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/**
 * The registers of one thread at the moment it stood still.
 *
 * @param programCounter {@code rip}, {@code pc}
 * @param stackPointer {@code rsp}, {@code sp}
 * @param threadPointer {@code fs_base}, {@code tpidr_el0}; 0 where it is not known
 * @param general every general-purpose register as the kernel's {@code user_regs_struct} orders them, for
 *     conservative scans; the caller does not change it
 */
public record Registers(long programCounter, long stackPointer, long threadPointer, long[] general) {}
