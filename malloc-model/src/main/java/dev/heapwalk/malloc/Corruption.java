// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

/**
 * A place where the heap contradicts itself, or could not be read.
 *
 * @param address target address of the damaged word or structure
 * @param arena index of the arena it belongs to, -1 if none is known
 * @param reason what is wrong, in words
 */
public record Corruption(long address, int arena, String reason) {}
