// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.heap.Heap;
import java.util.List;
import java.util.OptionalLong;

/**
 * Walks every block in address order: regions of slabs, large blocks, free pages, and the memory that jemalloc keeps
 * its own structures in. A flyweight that allocates nothing for a block. A slab that contradicts itself is left out as
 * a whole.
 */
public final class JemallocCursor extends AtBlock implements BlockCursor {
    private static final int ALL = -1;

    private JemallocHeap heap;
    /** The arena whose blocks are walked, or all. */
    private int arena;

    private final DamageList damages = new DamageList();
    private int nextExtent;
    private long walked;
    private long total;
    private long leftOut;
    private boolean closed;

    /**
     * Makes a cursor before the first block.
     *
     * @param arena the arena whose blocks are walked, negative for all
     */
    JemallocCursor(JemallocHeap heap, int arena) {
        super(heap.map(), heap.reader());
        this.heap = heap;
        this.arena = arena;
        begin();
    }

    private void begin() {
        leave();
        nextExtent = 0;
        walked = 0;
        damages.clear();
        leftOut = arena < 0 ? heap.leftOut() : 0;
        total = arena < 0 ? map.table().totalBytes() : heap.arenaBytes(arena);
    }

    @Override
    public boolean next() {
        if (region + 1 < regions) {
            regionOfSlab(region + 1);
            return true;
        }
        return nextExtent();
    }

    private boolean nextExtent() {
        if (closed) {
            throw new IllegalStateException("the cursor is closed: it does not move any more");
        }
        ExtentTable table = map.table();
        if (extent >= 0) {
            walked += table.sizes[extent];
        }
        while (nextExtent < table.count()) {
            int index = nextExtent++;
            if (arena >= 0 && table.arenas[index] != arena) {
                continue;
            }
            Opened opened = open(index);
            if (opened == Opened.GOOD) {
                if (slab()) {
                    regionOfSlab(0);
                } else {
                    whole();
                }
                return true;
            }
            leaveOut(index, opened);
        }
        leave();
        return false;
    }

    private void leaveOut(int index, Opened why) {
        ExtentTable table = map.table();
        walked += table.sizes[index];
        if (why == Opened.FLUX) {
            // That was counted when the heap was located.
            leftOut += arena < 0 ? 0 : table.sizes[index];
            return;
        }
        leftOut += table.sizes[index];
        if (heap.settled()) {
            damages.add(
                    table.edatas[index],
                    table.arenas[index],
                    "the slab at 0x%x %s"
                            .formatted(
                                    table.starts[index],
                                    switch (why) {
                                        case UNREADABLE -> "is described by what can't be read";
                                        case MISCOUNTED -> "counts other free regions than its bitmap has";
                                        default -> "is no more what it was when the heap was located";
                                    }));
        }
    }

    @Override
    public void rewind() {
        begin();
    }

    @Override
    public boolean rewind(Heap other) {
        if (!(other instanceof JemallocHeap jemalloc) || jemalloc.target() != heap.target() || closed) {
            return false;
        }
        heap = jemalloc;
        arena = ALL;
        reader.forget();
        take(jemalloc.map());
        begin();
        return true;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            leave();
            reader.close();
        }
    }

    /**
     * The thread that keeps the block in its cache.
     *
     * @return the thread's id; empty for a block that is in no cache, or in one whose thread is not known
     */
    public OptionalLong thread() {
        return cache() < 0
                ? OptionalLong.empty()
                : heap.threadCaches().get(cache()).tid();
    }

    @Override
    public long walkedBytes() {
        return walked;
    }

    @Override
    public long totalBytes() {
        return total;
    }

    @Override
    public long leftOutBytes() {
        return leftOut;
    }

    @Override
    public List<Damage> damage() {
        return damages.list();
    }

    @Override
    public String toString() {
        return extent < 0 ? "at no block" : Block.describe(this);
    }
}
