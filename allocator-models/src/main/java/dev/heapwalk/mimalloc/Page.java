// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

/**
 * A page, as it was when its heap was located.
 *
 * @param index its number among the pages of its heap, in address order
 * @param miPage target address of its structure, {@link MiPage}
 * @param from target address of its first slice
 * @param start target address of its first block
 * @param end target address behind its last slice
 * @param blockSize the size of a block in bytes
 * @param tag {@link MiPage#tag()}
 * @param region the number of the thread's heap that has it: a row of {@link MimallocHeap#regions()}
 */
public record Page(int index, long miPage, long from, long start, long end, long blockSize, int tag, int region) {}
