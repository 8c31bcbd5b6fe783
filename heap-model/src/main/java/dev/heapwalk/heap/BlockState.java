// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/**
 * What a block is held for, in terms that all heaps share. A heap's own name for it may tell more: {@link
 * BlockView#name()}.
 */
public enum BlockState {
    /** The program has it. */
    USED,
    /** Free, and joined with free neighbours where the allocator does that. */
    FREE,
    /**
     * Free, but kept aside as it is, to be handed out again soon: in the cache of a thread, in a list of equal blocks.
     */
    CACHED,
    /** The allocator's own, or memory that it has not given out yet. */
    RESERVED
}
