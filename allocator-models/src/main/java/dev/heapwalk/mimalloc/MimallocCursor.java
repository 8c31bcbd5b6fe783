// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.heap.Heap;
import java.util.List;

/**
 * Walks every block in address order: blocks of pages, what was never handed out of them, slices that no page has, and
 * the memory that mimalloc keeps its own structures in. A flyweight that allocates nothing for a block. A page whose
 * lists contradict its counts is left out as a whole.
 */
public final class MimallocCursor extends AtBlock implements BlockCursor {
    private static final int ALL = -1;

    /** The heap of a thread whose blocks are walked, or all. */
    private int region;

    private int from;
    private int to;

    private final DamageList damages = new DamageList();
    private int nextEntry;
    private long walked;
    private long total;
    private long leftOut;
    private boolean closed;

    /**
     * Makes a cursor before the first block.
     *
     * @param region the heap of a thread whose blocks are walked, negative for all
     * @param from the first entry
     * @param to the one behind the last
     */
    MimallocCursor(MimallocHeap heap, int region, int from, int to) {
        super(heap, heap.reader());
        this.region = region;
        this.from = from;
        this.to = to;
        begin();
    }

    private void begin() {
        leave();
        nextEntry = from;
        walked = 0;
        leftOut = 0;
        damages.clear();
        total = 0;
        for (int i = from; i < to; i++) {
            total += wanted(i) ? map.table().size(i) : 0;
        }
    }

    private boolean wanted(int newEntry) {
        return region < 0 || map.table().heaps[newEntry] == region;
    }

    @Override
    public boolean next() {
        return more() || nextEntry();
    }

    /** Goes to the next block of an opened page. */
    private boolean more() {
        int next = index + 1;
        if (next < blocks) {
            block(next);
            return true;
        }
        if (next == blocks && hasTail()) {
            tail();
            return true;
        }
        return false;
    }

    private boolean nextEntry() {
        if (closed) {
            throw new IllegalStateException("the cursor is closed: it does not move any more");
        }
        if (entry >= 0) {
            walked += map.table().size(entry);
        }
        while (nextEntry < to) {
            int next = nextEntry++;
            if (!wanted(next)) {
                continue;
            }
            Opened opened = open(next);
            if (opened != Opened.GOOD) {
                leaveOut(next, opened);
            } else if (!page()) {
                whole();
                return true;
            } else if (hasHead()) {
                head();
                return true;
            } else if (more()) {
                return true;
            }
        }
        leave();
        return false;
    }

    private void leaveOut(int left, Opened why) {
        PageTable table = map.table();
        walked += table.size(left);
        leftOut += table.size(left);
        if (why == Opened.HARMED || !heap.settled()) {
            // What is harmed was told when the heap was located.
            return;
        }
        damages.add(
                table.pages[left],
                table.heaps[left],
                "the page at 0x%x %s"
                        .formatted(
                                table.froms[left],
                                switch (why) {
                                    case UNREADABLE -> "is described by what can't be read";
                                    case BROKEN -> "has a list of free blocks that leads to no block of it";
                                    case MISCOUNTED -> "counts other blocks than its lists have";
                                    default -> "is no more what it was when the heap was located";
                                }));
    }

    @Override
    public void rewind() {
        begin();
    }

    /**
     * Goes before the first block of a page, so that one cursor can walk page after page.
     *
     * @param page its number, from 0 to {@link MimallocHeap#pageCount()}
     * @throws IndexOutOfBoundsException if there is no such page
     */
    public void toPage(int page) {
        region = ALL;
        from = heap.entryOf(page);
        to = from + 1;
        begin();
    }

    @Override
    public boolean rewind(Heap other) {
        if (!(other instanceof MimallocHeap mimalloc) || mimalloc.target() != heap.target() || closed) {
            return false;
        }
        reader.forget();
        take(mimalloc);
        region = ALL;
        from = 0;
        to = map.table().count();
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
        return entry < 0 ? "at no block" : Block.describe(this);
    }
}
