// SPDX-License-Identifier: Apache-2.0
/**
 * Heaps, their blocks, and what these refer to, without a word about any allocator: {@link dev.heapwalk.heap.Heaps}
 * finds all heaps of a target, {@link dev.heapwalk.heap.BlockCursor} walks them.
 */
package dev.heapwalk.heap;
