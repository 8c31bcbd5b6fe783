// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heap;
import java.util.ArrayList;
import java.util.List;

/**
 * Chunks as blocks. A walk that came to its end without damage also tells whether the bins hold just the chunks that
 * were free: each link leads somewhere, and in whole bins all of them together lead nowhere.
 */
final class ChunkBlocks extends ChunkView implements BlockCursor {
    private static final int FREE = ChunkState.FREE.ordinal();

    private MallocHeap heap;
    private int region;
    private boolean ended;
    private List<Damage> bins = List.of();

    /**
     * Begins a walk.
     *
     * @param region the arena that is walked, -1 for all
     */
    ChunkBlocks(MallocHeap heap, ChunkCursor chunk, int region) {
        super(chunk);
        this.heap = heap;
        this.region = region;
    }

    @Override
    public boolean next() {
        if (!chunk.next()) {
            if (!ended) {
                ended = true;
                bins = heap.compareBins(chunk, region);
            }
            return false;
        }
        if (chunk.stateIndex() == FREE) {
            chunk.addLinks();
        }
        return true;
    }

    private void begin() {
        ended = false;
        bins = List.of();
    }

    @Override
    public void rewind() {
        chunk.rewind();
        begin();
    }

    @Override
    public boolean rewind(Heap other) {
        if (!(other instanceof MallocHeap malloc) || malloc.target() != heap.target()) {
            return false;
        }
        chunk.rewind(malloc);
        heap = malloc;
        region = -1;
        begin();
        return true;
    }

    @Override
    public void close() {
        chunk.close();
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
        if (bins.isEmpty()) {
            return chunk.damage();
        }
        List<Damage> all = new ArrayList<>(chunk.damage());
        all.addAll(bins);
        return List.copyOf(all);
    }

    @Override
    public String toString() {
        return chunk.toString();
    }
}
