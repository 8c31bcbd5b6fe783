// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.allocator.SpanWalk;
import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heap;
import java.util.List;

/**
 * Walks every block in address order: slots of groups, in use or free, and areas of metas. A slot that has another group
 * is no block: those of that group are told in its place. A flyweight that allocates nothing for a block.
 *
 * <p>A slot whose header contradicts its group is left out, and so is a group that is no more what it was.
 */
public final class MuslCursor extends AtSlot implements BlockCursor {
    private final SpanWalk walk = new SpanWalk(this);
    private MuslHeap heap;
    private int region;

    /**
     * Makes a cursor before the first block.
     *
     * @param region the region whose blocks are walked, negative for all
     */
    MuslCursor(MuslHeap heap, int region) {
        super(heap.table(), heap.groups(), heap.metas());
        this.heap = heap;
        this.region = region;
        rewind();
    }

    @Override
    public boolean next() {
        do {
            while (step()) {
                if (look()) {
                    if (!ends()) {
                        walk.tell("is followed by a byte that is not 0, so the program wrote behind it");
                    }
                    return true;
                }
                walk.leaveOutBlock();
            }
        } while (walk.nextSpan());
        return false;
    }

    @Override
    public void rewind() {
        walk.begin(heap.leftOut(), heap.settled(), region);
    }

    @Override
    public boolean rewind(Heap other) {
        if (!(other instanceof MuslHeap musl) || musl.target() != heap.target() || walk.closed()) {
            return false;
        }
        heap = musl;
        region = NONE;
        forget();
        take(musl.table());
        rewind();
        return true;
    }

    @Override
    public void close() {
        walk.close();
    }

    @Override
    public long walkedBytes() {
        return walk.walkedBytes();
    }

    @Override
    public long totalBytes() {
        return walk.totalBytes();
    }

    @Override
    public long leftOutBytes() {
        return walk.leftOutBytes();
    }

    @Override
    public List<Damage> damage() {
        return walk.damage();
    }

    @Override
    public String toString() {
        return span < 0 ? "at no block" : Block.describe(this);
    }
}
