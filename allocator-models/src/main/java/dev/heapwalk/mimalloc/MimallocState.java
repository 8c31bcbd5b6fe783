// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.allocator.States;
import dev.heapwalk.heap.BlockState;

/** What a block is held for, in mimalloc's own terms. */
public enum MimallocState {
    /** The program has it. */
    USED(BlockState.USED),
    /** In the list of its page that blocks are handed out from. */
    FREE(BlockState.FREE),
    /** In the list of its page that the thread which has the page puts back what it frees. */
    LOCAL_FREE(BlockState.FREE),
    /** Freed by another thread, in a list of its page. */
    THREAD_FREE(BlockState.CACHED),
    /** Freed by another thread, in a list of the heap, which has to put it back into its page. */
    DELAYED_FREE(BlockState.CACHED),
    /** The part of a page that was never handed out. */
    UNUSED(BlockState.RESERVED),
    /** Slices of a segment that no page has, and free ones of an arena that were used before. */
    SLICES(BlockState.FREE),
    /** Free slices of an arena that were never used since it came from the kernel, or that have no memory. */
    ARENA(BlockState.RESERVED),
    /** mimalloc's own: what describes segments, arenas and pages. */
    METADATA(BlockState.RESERVED);

    static final States<MimallocState> STATES = new States<>(values(), MimallocState::blockState);

    private final BlockState state;

    MimallocState(BlockState state) {
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
