// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import java.util.Arrays;

/**
 * Pages, and what lies between them, in address order. The arrays are open to the cursors, which look at them at each
 * step.
 */
final class PageTable {
    /** What is in an entry. */
    enum Kind {
        /** Blocks of one size. */
        PAGE,
        /** A page that contradicts itself. */
        HARMED,
        /** Slices of a segment that no page has. */
        SLICES,
        /** Slices of an arena that no page has. */
        ARENA,
        /** mimalloc's own structures. */
        METADATA
    }

    private static final int FIRST_LENGTH = 256;

    private int count;

    /** Target addresses of the first byte. */
    long[] froms = new long[FIRST_LENGTH];
    /** Target addresses behind the last byte. */
    long[] tos = new long[FIRST_LENGTH];
    /** Target addresses of the first block. */
    long[] starts = new long[FIRST_LENGTH];
    /** Bytes of a block. */
    long[] sizes = new long[FIRST_LENGTH];
    /** Target addresses of {@code mi_page_t}; of a segment or an arena that of its own structure. */
    long[] pages = new long[FIRST_LENGTH];

    Kind[] kinds = new Kind[FIRST_LENGTH];
    /** Numbers of heaps, -1 for what belongs to none. */
    int[] heaps = new int[FIRST_LENGTH];

    /** How many blocks of a page are free, but for those that other threads freed. */
    int[] free = new int[FIRST_LENGTH];

    byte[] tags = new byte[FIRST_LENGTH];

    int count() {
        return count;
    }

    long totalBytes() {
        long total = 0;
        for (int i = 0; i < count; i++) {
            total += size(i);
        }
        return total;
    }

    long size(int index) {
        return tos[index] - froms[index];
    }

    /** Adds an entry behind all others, which belongs to no heap. Returns its index. */
    int add(Kind kind, long from, long to, long page) {
        if (count == froms.length) {
            int length = 2 * count;
            froms = Arrays.copyOf(froms, length);
            tos = Arrays.copyOf(tos, length);
            starts = Arrays.copyOf(starts, length);
            sizes = Arrays.copyOf(sizes, length);
            pages = Arrays.copyOf(pages, length);
            kinds = Arrays.copyOf(kinds, length);
            heaps = Arrays.copyOf(heaps, length);
            free = Arrays.copyOf(free, length);
            tags = Arrays.copyOf(tags, length);
        }
        kinds[count] = kind;
        froms[count] = from;
        tos[count] = to;
        starts[count] = from;
        sizes[count] = to - from;
        pages[count] = page;
        heaps[count] = -1;
        return count++;
    }

    /** Adds an entry of another table. */
    void addFrom(PageTable other, int from) {
        int index = add(other.kinds[from], other.froms[from], other.tos[from], other.pages[from]);
        starts[index] = other.starts[from];
        sizes[index] = other.sizes[from];
        heaps[index] = other.heaps[from];
        free[index] = other.free[from];
        tags[index] = other.tags[from];
    }

    /** Makes the last entry part of the one before, which goes on behind it. */
    void joinLast(long to) {
        count--;
        tos[count - 1] = to;
    }

    /** The entry that holds an address, or -1. */
    int at(long address) {
        int index = Arrays.binarySearch(froms, 0, count, address);
        if (index < 0) {
            index = -index - 2;
        }
        return index >= 0 && address < tos[index] ? index : -1;
    }
}
