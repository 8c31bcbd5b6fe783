// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.BlockView;

/** The chunk that a cursor is at, as a block. */
abstract class ChunkView implements BlockView {
    /** By the ordinal of {@link ChunkState}. */
    private static final BlockState[] STATES = {
        BlockState.USED, BlockState.FREE, BlockState.CACHED, BlockState.CACHED, BlockState.RESERVED
    };

    private static final String[] NAMES = new String[STATES.length];

    static {
        for (ChunkState state : ChunkState.values()) {
            NAMES[state.ordinal()] = state.name();
        }
    }

    final ChunkCursor chunk;

    ChunkView(ChunkCursor chunk) {
        this.chunk = chunk;
    }

    @Override
    public final long address() {
        return chunk.userAddress();
    }

    @Override
    public final long start() {
        return chunk.address();
    }

    @Override
    public final long size() {
        return chunk.size();
    }

    @Override
    public final long usableSize() {
        return chunk.usableSize();
    }

    @Override
    public final BlockState state() {
        return STATES[chunk.stateIndex()];
    }

    @Override
    public final int nameIndex() {
        return chunk.stateIndex();
    }

    @Override
    public final String name() {
        return NAMES[chunk.stateIndex()];
    }

    @Override
    public final int region() {
        return chunk.arena();
    }

    @Override
    public final boolean ownMapping() {
        return chunk.mmapped();
    }
}
