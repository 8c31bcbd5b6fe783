// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/**
 * A place where a heap contradicts itself, or could not be read.
 *
 * @param address target address of the damaged word or structure, {@link #NOWHERE} if there is no single one
 * @param region the number of the row of {@link Heap#regions()} that it belongs to, -1 if none is known
 * @param reason what is wrong, in words for a person
 */
public record Damage(long address, int region, String reason) {
    /** The address of damage that lies at no address in particular. */
    public static final long NOWHERE = -1;
}
