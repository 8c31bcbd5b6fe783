// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

/** What malloc holds a chunk for. Whether it was mapped on its own is a property beside the state. */
public enum ChunkState {
    /** The program has it. */
    USED,
    /** In an unsorted, small or large bin, coalesced with its free neighbours. */
    FREE,
    /** In a fastbin: free, though its neighbour's {@code PREV_INUSE} bit says otherwise. */
    FASTBIN,
    /** In a thread's cache: free, though its neighbour's {@code PREV_INUSE} bit says otherwise. */
    TCACHE,
    /** The last chunk of an arena, which new chunks are cut from. */
    TOP
}
