// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import dev.heapwalk.heap.Heap;

/**
 * What is in memory of a region of an allocator, such as an arena, in bytes.
 *
 * @param heap the heap
 * @param region the number of a row of its regions; -1 for blocks that lie in none
 * @param used blocks that the program has
 * @param large how much of that is in blocks of 128 KiB and more that are no mappings of their own
 * @param free free blocks
 * @param cached free blocks that are kept aside, such as those in the caches of threads
 * @param reserved what is not given out yet, or what the heap keeps for itself
 */
public record RegionHolding(Heap heap, int region, long used, long large, long free, long cached, long reserved) {}
