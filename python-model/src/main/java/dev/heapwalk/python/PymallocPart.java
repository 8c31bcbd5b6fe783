// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

/** What a part of an arena is. The parts of an arena follow each other without a gap. */
public enum PymallocPart {
    /** A block that is handed out. */
    USED_BLOCK,
    /** A block that was handed out and given back. */
    FREE_BLOCK,
    /** A block of a pool in use that was never handed out. */
    UNTOUCHED_BLOCK,
    /** The header of a pool in use: {@code struct pool_header}. */
    POOL_HEADER,
    /** The end of a pool in use, too small for another block. */
    POOL_REST,
    /** A pool without a block that is handed out, ready for blocks of any size. */
    FREE_POOL,
    /** Room for pools that were never used. */
    UNCARVED,
    /** The ends of an arena that does not begin where a pool may: they are of no use. */
    ARENA_MARGIN,
    /** A pool that contradicts itself or can't be read; {@link PymallocCursor#damages()} tells why. */
    DAMAGED_POOL
}
