// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/**
 * What an allocator is set to, where that decides what it keeps and what it gives back.
 *
 * @param name its own name for it
 * @param value what it is now: bytes or a count
 * @param dynamic whether the allocator changes it itself
 * @param meaning what it does, for a person
 */
public record Setting(String name, long value, boolean dynamic, String meaning) {}
