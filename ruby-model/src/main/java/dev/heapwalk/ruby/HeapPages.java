// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.memory.Ranges;
import dev.heapwalk.ruby.layout.PageLayout;
import java.util.Arrays;

/**
 * The pages of a Ruby heap in address order, as they were when the heap was located. Immutable, for any thread. Indexes
 * run from 0 to {@link #count()}.
 */
public final class HeapPages {
    private final PageLayout layout;
    private final long[] descriptors;
    private final long[] starts;
    private final int[] slotSizes;
    private final int[] slotCounts;
    private final boolean[] unswept;
    private final long totalSlots;
    private final Ranges ranges;

    // From a page's body to its index: open addressing, half empty.
    private final long bodyMask;
    private final int shift;
    private final long[] bodies;
    private final int[] indexes;

    /** Takes what is known of each page; {@code count} of each array's elements. */
    HeapPages(
            PageLayout layout,
            int count,
            long[] descriptors,
            long[] starts,
            int[] slotSizes,
            int[] slotCounts,
            boolean[] unswept) {
        Integer[] order = ascending(starts, count) ? null : order(starts, count);
        this.descriptors = new long[count];
        this.starts = new long[count];
        this.slotSizes = new int[count];
        this.slotCounts = new int[count];
        this.unswept = new boolean[count];
        this.layout = layout;
        this.bodyMask = -(long) layout.bodySize();
        this.shift = Long.numberOfTrailingZeros(layout.bodySize());
        int capacity = Integer.highestOneBit(Math.max(8, count * 4));
        this.bodies = new long[capacity];
        this.indexes = new int[capacity];
        long total = 0;
        for (int i = 0; i < count; i++) {
            int from = order == null ? i : order[i];
            this.descriptors[i] = descriptors[from];
            this.starts[i] = starts[from];
            this.slotSizes[i] = slotSizes[from];
            this.slotCounts[i] = slotCounts[from];
            this.unswept[i] = unswept[from];
            total += slotCounts[from];
            long body = starts[from] & bodyMask;
            int place = place(body);
            while (bodies[place] != 0) {
                place = place + 1 & capacity - 1;
            }
            bodies[place] = body;
            indexes[place] = i;
        }
        this.totalSlots = total;
        long[] ends = new long[count];
        Arrays.setAll(ends, page -> this.starts[page] + (long) this.slotSizes[page] * this.slotCounts[page]);
        this.ranges = Ranges.of(this.starts, ends);
    }

    /** Whether pages come in address order, as in Ruby's own list. */
    private static boolean ascending(long[] starts, int count) {
        for (int i = 1; i < count; i++) {
            if (Long.compareUnsigned(starts[i - 1], starts[i]) > 0) {
                return false;
            }
        }
        return true;
    }

    private static Integer[] order(long[] starts, int count) {
        Integer[] order = new Integer[count];
        Arrays.setAll(order, index -> index);
        Arrays.sort(order, (one, other) -> Long.compareUnsigned(starts[one], starts[other]));
        return order;
    }

    /** Whether these are the same pages, of which {@code count} were found, in any order and none of them twice. */
    boolean same(int count, long[] descriptors, long[] starts, int[] slotSizes, int[] slotCounts, boolean[] unswept) {
        if (count != count()) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            int page = at(starts[i]);
            if (page < 0
                    || this.descriptors[page] != descriptors[i]
                    || this.starts[page] != starts[i]
                    || this.slotSizes[page] != slotSizes[i]
                    || this.slotCounts[page] != slotCounts[i]
                    || this.unswept[page] != unswept[i]) {
                return false;
            }
        }
        return true;
    }

    private int place(long body) {
        return (int) (body >>> shift) * 0x9e3779b1 >>> 7 & bodies.length - 1;
    }

    /**
     * How many pages there are.
     *
     * @return a count
     */
    public int count() {
        return starts.length;
    }

    /**
     * The size of a page's body, to multiples of which it is aligned.
     *
     * @return bytes
     */
    public int bodySize() {
        return (int) -bodyMask;
    }

    /**
     * Where the mark bits of a page are, one for each {@value PageLayout#BASE_SLOT_SIZE} bytes of its body.
     *
     * @param page an index
     * @return a target address
     */
    public long markBits(int page) {
        return descriptors[page] + layout.markBits();
    }

    /**
     * How many mark bits a page has.
     *
     * @return a count of words of 64 bits
     */
    public int bitmapWords() {
        return layout.bitmapWords();
    }

    /** What the slots of all pages lie in. */
    Ranges ranges() {
        return ranges;
    }

    /**
     * How many slots all pages have.
     *
     * @return a count
     */
    public long totalSlots() {
        return totalSlots;
    }

    /**
     * Where a page is described: C name {@code struct heap_page}.
     *
     * @param page an index
     * @return a target address
     */
    public long descriptor(int page) {
        return descriptors[page];
    }

    /**
     * Where the aligned body of a page begins.
     *
     * @param page an index
     * @return a target address
     */
    public long body(int page) {
        return starts[page] & bodyMask;
    }

    /**
     * Where the first slot of a page begins.
     *
     * @param page an index
     * @return a target address
     */
    public long start(int page) {
        return starts[page];
    }

    /**
     * The size of a page's slots.
     *
     * @param page an index
     * @return bytes
     */
    public int slotSize(int page) {
        return slotSizes[page];
    }

    /**
     * How many slots a page has.
     *
     * @param page an index
     * @return a count
     */
    public int slots(int page) {
        return slotCounts[page];
    }

    /**
     * Whether a page has yet to be swept, so that what is not marked on it is garbage. C name {@code
     * flags.before_sweep}.
     *
     * @param page an index
     * @return whether it has
     */
    public boolean beforeSweep(int page) {
        return unswept[page];
    }

    /**
     * The page that an address lies in.
     *
     * @param address a target address
     * @return an index, or -1 if it lies in none
     */
    public int at(long address) {
        long body = address & bodyMask;
        if (body == 0) {
            return -1;
        }
        int place = place(body);
        while (bodies[place] != body) {
            if (bodies[place] == 0) {
                return -1;
            }
            place = place + 1 & bodies.length - 1;
        }
        return indexes[place];
    }

    /**
     * The size of the slot that begins at an address.
     *
     * @param address a target address
     * @return bytes, or 0 if no slot begins there
     */
    public int slotSizeAt(long address) {
        int page = at(address);
        if (page < 0) {
            return 0;
        }
        long offset = address - starts[page];
        int size = slotSizes[page];
        return offset >= 0 && offset % size == 0 && offset / size < slotCounts[page] ? size : 0;
    }

    /**
     * The slot that an address lies in, at its start or anywhere inside.
     *
     * @param address a target address
     * @return the target address of the slot, or 0 if it lies in none
     */
    public long slotAround(long address) {
        int page = at(address);
        if (page < 0) {
            return 0;
        }
        long offset = address - starts[page];
        int size = slotSizes[page];
        return offset >= 0 && offset / size < slotCounts[page] ? address - offset % size : 0;
    }
}
