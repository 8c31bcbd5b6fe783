// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Residency;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What used blocks do to the pages that they lie on, by category: how much of them is still shared after a fork, and
 * which of them keep pages in memory that are mostly free.
 */
public final class PageUses {
    /** No page has more blocks. */
    private static final int MOST_BLOCKS = 1 << 12;

    private final Residency residency;
    private final Meter meter;
    private final long pageSize;
    private final Map<Category, Sums> sums = new HashMap<>();

    private Heap heap;
    private long page = -1;
    private long free;
    private int blocks;
    private final Sums[] blockSums = new Sums[MOST_BLOCKS];
    private final long[] blockSizes = new long[MOST_BLOCKS];
    private long sparsePages;

    /**
     * What the used blocks of one category have in memory.
     *
     * @param category what they are used for
     * @param count how many there are
     * @param resident how much of them is in memory, in bytes
     * @param forked how much of that is the process's own, and others keep it too: it is as it was when the process or
     *     a child of it was forked
     * @param kept how much of that is the process's own, and nobody else has it: it was copied or allocated since
     */
    public record Use(Category category, long count, long resident, long forked, long kept) {}

    /**
     * The used blocks of one category that lie on pages of which more than half is free.
     *
     * @param category what they are used for
     * @param count how many there are
     * @param bytes their sizes together
     * @param smallest the size of the smallest one
     * @param largest the size of the largest one
     * @param free the free bytes of these pages; where blocks of several categories lie on a page, an equal part of
     *     that is told of each block
     */
    public record Pin(Category category, long count, long bytes, long smallest, long largest, long free) {}

    private static final class Sums {
        private long count;
        private final Tally memory = new Tally();
        private long pins;
        private long pinBytes;
        private long smallest = Long.MAX_VALUE;
        private long largest;
        private double free;
    }

    private PageUses(Residency residency, long pageSize) {
        this.residency = residency;
        this.meter = new Meter(residency, Shares.of(Optional.empty(), residency));
        this.pageSize = pageSize;
    }

    /**
     * Walks all blocks.
     *
     * @param usage a new cursor over the heaps of a target that stands still, at its end afterwards
     * @param residency what is in memory in the same stop
     * @param progress is told how far it is
     * @return what was found
     */
    public static PageUses of(UsageCursor usage, Residency residency, MemoryOwners.Progress progress) {
        PageUses all = new PageUses(residency, usage.heaps().target().pageSize());
        int walked = 0;
        while (usage.next()) {
            all.add(usage);
            if ((++walked & 0xffff) == 0) {
                progress.at(usage.walkedBytes(), usage.totalBytes());
            }
        }
        all.endPage();
        return all;
    }

    private void add(UsageCursor block) {
        long start = block.start();
        long end = start + block.size();
        boolean used = block.state() == BlockState.USED;
        Sums of = null;
        if (used) {
            of = sums.computeIfAbsent(block.category(), _ -> new Sums());
            of.count++;
            meter.add(start, end, of.memory);
        }
        if (block.heap().layer() != HeapLayer.ALLOCATOR || block.ownMapping()) {
            return;
        }
        if (block.heap() != heap) {
            endPage();
            heap = block.heap();
        }
        long first = start & -pageSize;
        long last = (end - 1) & -pageSize;
        at(first);
        on(start, end, of, block.size());
        if (last != first) {
            // The pages between these two are all used or all free.
            at(last);
            on(start, end, of, block.size());
        }
    }

    /** Goes to a page. */
    private void at(long address) {
        if (address != page) {
            endPage();
            page = address;
        }
    }

    /** Notes a block on the page. */
    private void on(long start, long end, Sums of, long size) {
        if (of == null) {
            free += Math.min(end, page + pageSize) - Math.max(start, page);
        } else if (blocks < MOST_BLOCKS) {
            blockSums[blocks] = of;
            blockSizes[blocks++] = size;
        }
    }

    private void endPage() {
        if (blocks > 0
                && free > pageSize / 2
                && residency.bytes(page, page + pageSize, Residency.PRESENT, Residency.FILE | Residency.ZERO) > 0) {
            sparsePages++;
            for (int i = 0; i < blocks; i++) {
                Sums of = blockSums[i];
                of.pins++;
                of.pinBytes += blockSizes[i];
                of.smallest = Math.min(of.smallest, blockSizes[i]);
                of.largest = Math.max(of.largest, blockSizes[i]);
                of.free += (double) free / blocks;
            }
        }
        page = -1;
        free = 0;
        blocks = 0;
    }

    /**
     * What there is of each category.
     *
     * @return a new list, that which has most for itself first
     */
    public List<Use> uses() {
        return sums.entrySet().stream()
                .filter(entry -> entry.getKey() != Category.NONE)
                .map(entry -> entry.getValue().memory.use(entry.getKey(), entry.getValue().count))
                .sorted(Comparator.comparingLong(Use::kept).reversed())
                .toList();
    }

    /**
     * How many pages are in memory of which more than half is free.
     *
     * @return a count of pages that a used block lies on, too
     */
    public long sparsePages() {
        return sparsePages;
    }

    /**
     * The blocks on these pages.
     *
     * @return a new list, those first that most is free beside
     */
    public List<Pin> pins() {
        return sums.entrySet().stream()
                .filter(entry -> entry.getValue().pins > 0)
                .map(entry -> pin(entry.getKey(), entry.getValue()))
                .sorted(Comparator.comparingLong(Pin::free).reversed())
                .toList();
    }

    private static Pin pin(Category category, Sums of) {
        return new Pin(category, of.pins, of.pinBytes, of.smallest, of.largest, Math.round(of.free));
    }
}
