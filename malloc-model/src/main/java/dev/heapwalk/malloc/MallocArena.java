// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import java.util.List;

/**
 * One arena, as it was when the heap was located. C name {@code struct malloc_state}.
 *
 * @param index its place in {@link MallocHeap#arenas()}, 0 for the main arena
 * @param address target address of its {@code malloc_state}
 * @param kind main or thread
 * @param regions the ranges that hold its chunks, in address order: the heaps of a thread arena; the runs of the main
 *     arena's {@code brk} heap, and what it mapped where {@code brk} failed
 * @param systemBytes {@code system_mem}: bytes that it has from the kernel
 * @param maxSystemBytes {@code max_system_mem}: the most it ever had
 * @param top target address of the top chunk
 * @param attachedThreads {@code attached_threads}, or -1 where the version does not have it
 * @param threadIds kernel ids of the threads that are known to allocate from it; empty where registers are not known
 */
public record MallocArena(
        int index,
        long address,
        Kind kind,
        List<Region> regions,
        long systemBytes,
        long maxSystemBytes,
        long top,
        long attachedThreads,
        List<Long> threadIds) {

    /** Main or thread arena. */
    public enum Kind {
        /** {@code main_arena}, which grows with {@code brk}. */
        MAIN,
        /** An arena in a heap that was mapped for threads. */
        THREAD
    }

    /**
     * A run of chunks.
     *
     * @param start target address of the first chunk
     * @param end target address behind the last byte that belongs to the arena
     * @param heapInfo target address of its {@code heap_info}, 0 for the main arena
     */
    public record Region(long start, long end, long heapInfo) {}
}
