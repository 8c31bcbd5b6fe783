// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.States;
import dev.heapwalk.heap.BlockState;

/** What a block is held for, in jemalloc's own terms. */
public enum JemallocState {
    /** The program has it. */
    USED(BlockState.USED),
    /** A free region of a slab. */
    FREE(BlockState.FREE),
    /** Free, and kept by a thread for itself. */
    TCACHE(BlockState.CACHED),
    /** Free pages as they were left, also those that are kept aside where huge pages are used. */
    DIRTY(BlockState.FREE),
    /** Free pages that the kernel may take when it needs memory. */
    MUZZY(BlockState.FREE),
    /** Addresses without memory, which are kept for later. */
    RETAINED(BlockState.RESERVED),
    /** jemalloc's own: what describes extents and arenas, and what threads keep lists of cached blocks in. */
    METADATA(BlockState.RESERVED);

    static final States<JemallocState> STATES = new States<>(values(), JemallocState::blockState);

    private final BlockState state;

    JemallocState(BlockState state) {
        this.state = state;
    }

    /**
     * The same in the terms of all heaps.
     *
     * @return the state
     */
    public BlockState blockState() {
        return state;
    }
}
