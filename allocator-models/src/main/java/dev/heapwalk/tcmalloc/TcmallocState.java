// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.States;
import dev.heapwalk.heap.BlockState;

/** What a block is held for, in tcmalloc's own terms. */
public enum TcmallocState {
    /** The program has it. */
    USED(BlockState.USED),
    /** A free object of a span, which the central cache hands out. */
    FREE(BlockState.FREE),
    /** Free, and kept by a thread for itself. */
    TCACHE(BlockState.CACHED),
    /** Free, and on its way from one thread's cache to another's: in the transfer cache. */
    TRANSFER(BlockState.CACHED),
    /** Free pages as they were left. */
    NORMAL(BlockState.FREE),
    /** Addresses whose memory was returned to the kernel. */
    RETURNED(BlockState.RESERVED),
    /** tcmalloc's own: the page map, what describes spans, the caches of threads. */
    METADATA(BlockState.RESERVED);

    static final States<TcmallocState> STATES = new States<>(values(), TcmallocState::blockState);

    private final BlockState state;

    TcmallocState(BlockState state) {
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
