// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.memory.Target;
import java.util.List;

/** Chunks as blocks. */
final class ChunkBlocks extends ChunkView implements BlockCursor {
    private final Target target;

    ChunkBlocks(Target target, ChunkCursor chunk) {
        super(chunk);
        this.target = target;
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
