// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.allocator.States;
import dev.heapwalk.heap.BlockState;

/** What a block is held for, in mallocng's own terms. */
public enum MuslState {
    /** The program has it. */
    USED(BlockState.USED),
    /** A free slot of a group: in {@code avail_mask} or {@code freed_mask}. */
    FREE(BlockState.FREE),
    /** mallocng's own: the areas of its metas. */
    METADATA(BlockState.RESERVED);

    static final States<MuslState> STATES = new States<>(values(), MuslState::blockState);

    private final BlockState state;

    MuslState(BlockState state) {
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
