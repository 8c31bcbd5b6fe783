// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.memory.Target;
import java.util.List;

/** Chunks as blocks. */
final class ChunkBlocks implements BlockCursor {
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

    private final Target target;
    private final ChunkCursor chunk;

    ChunkBlocks(Target target, ChunkCursor chunk) {
        this.target = target;
        this.chunk = chunk;
    }

    static BlockState state(ChunkCursor chunk) {
        return STATES[chunk.stateIndex()];
    }

    static String name(ChunkCursor chunk) {
        return NAMES[chunk.stateIndex()];
    }

    @Override
    public boolean next() {
        return chunk.next();
    }

    @Override
    public void rewind() {
        chunk.rewind();
    }

    @Override
    public boolean rewind(Heap heap) {
        if (!(heap instanceof MallocHeap malloc) || malloc.target() != target) {
            return false;
        }
        chunk.rewind(malloc);
        return true;
    }

    @Override
    public void close() {
        chunk.close();
    }

    @Override
    public long address() {
        return chunk.userAddress();
    }

    @Override
    public long size() {
        return chunk.size();
    }

    @Override
    public long usableSize() {
        return chunk.usableSize();
    }

    @Override
    public BlockState state() {
        return state(chunk);
    }

    @Override
    public int nameIndex() {
        return chunk.stateIndex();
    }

    @Override
    public String name() {
        return name(chunk);
    }

    @Override
    public int region() {
        return chunk.arena();
    }

    @Override
    public boolean ownMapping() {
        return chunk.mmapped();
    }

    @Override
    public long walkedBytes() {
        return chunk.walkedBytes();
    }

    @Override
    public long totalBytes() {
        return chunk.totalBytes();
    }

    @Override
    public long leftOutBytes() {
        return chunk.leftOutBytes();
    }

    @Override
    public List<Damage> damage() {
        return chunk.damage();
    }

    @Override
    public String toString() {
        return chunk.toString();
    }
}
