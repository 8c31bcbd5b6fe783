// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.heap.Heap;
import java.util.List;
import java.util.OptionalLong;

/**
 * Walks every block in address order: objects of spans, blocks of whole pages, free pages, and the memory that tcmalloc
 * keeps its own structures in. A flyweight that allocates nothing for a block. A span whose free objects are not those
 * that it counts is left out as a whole.
 */
public final class TcmallocCursor extends AtBlock implements BlockCursor {
    private static final int ALL = -1;

    private TcmallocHeap heap;
    /** The region whose blocks are walked, or all. */
    private int region;

    private final DamageList damages = new DamageList();
    private int nextSpan;
    private long walked;
    private long total;
    private long leftOut;
    private boolean closed;

    /**
     * Makes a cursor before the first block.
     *
     * @param region the region whose blocks are walked, negative for all
     */
    TcmallocCursor(TcmallocHeap heap, int region) {
        super(heap.map(), heap.reader());
        this.heap = heap;
        this.region = region;
        begin();
    }

    private void begin() {
        leave();
        nextSpan = 0;
        walked = 0;
        damages.clear();
        leftOut = heap.leftOut();
        total = region < 0 ? map.table().totalBytes() : heap.systemBytes();
    }

    @Override
    public boolean next() {
        if (object + 1 < objects) {
            objectOfSpan(object + 1);
            return true;
        }
        return nextSpan();
    }

    private boolean nextSpan() {
        if (closed) {
            throw new IllegalStateException("the cursor is closed: it does not move any more");
        }
        SpanTable table = map.table();
        if (span >= 0) {
            walked += table.sizes[span];
        }
        while (nextSpan < table.count()) {
            int index = nextSpan++;
            if (region >= 0 && table.kinds[index] == SpanTable.Kind.META) {
                continue;
            }
            Opened opened = open(index);
            if (opened == Opened.GOOD) {
                if (small()) {
                    objectOfSpan(0);
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
        SpanTable table = map.table();
        walked += table.sizes[index];
        if (why == Opened.FLUX) {
            // That was counted when the heap was located.
            return;
        }
        leftOut += table.sizes[index];
        if (heap.settled()) {
            damages.add(
                    table.spans[index],
                    0,
                    "the span of %d bytes at 0x%x %s"
                            .formatted(
                                    table.sizes[index],
                                    table.starts[index],
                                    switch (why) {
                                        case UNREADABLE -> "is described by what can't be read";
                                        case MISCOUNTED ->
                                            "has a list of free objects that is not as long as it says, or leads out of it";
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
        if (!(other instanceof TcmallocHeap tcmalloc) || tcmalloc.target() != heap.target() || closed) {
            return false;
        }
        heap = tcmalloc;
        region = ALL;
        reader.forget();
        take(tcmalloc.map());
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
     * @return the thread's id; empty for a block that is in no thread's cache, or in one whose thread is not known
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
        return span < 0 ? "at no block" : Block.describe(this);
    }
}
