// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.allocator.FreeTable;
import dev.heapwalk.allocator.Spans;
import dev.heapwalk.heap.Column;
import java.util.Arrays;
import java.util.List;

/** Pages, and what lies between them, in address order. */
final class PageTable extends Spans {
    /** What is in an entry. */
    enum Kind {
        /** Blocks of one size. */
        PAGE,
        /** A page that contradicts itself. */
        HARMED,
        /** Free slices. */
        SLICES,
        /** Free slices of an arena that were never used, or have no memory. */
        ARENA,
        /** mimalloc's own structures. */
        METADATA
    }

    /** Target addresses of the first block. */
    long[] firsts = new long[starts.length];
    /** Bytes of a block. */
    long[] blockSizes = new long[starts.length];

    Kind[] kinds = new Kind[starts.length];
    /** Numbers of heaps, -1 for what belongs to none. */
    int[] heaps = new int[starts.length];

    /** How many blocks of a page are free, but for those that other threads freed. */
    int[] free = new int[starts.length];

    byte[] tags = new byte[starts.length];

    @Override
    protected void grow(int length) {
        firsts = Arrays.copyOf(firsts, length);
        blockSizes = Arrays.copyOf(blockSizes, length);
        kinds = Arrays.copyOf(kinds, length);
        heaps = Arrays.copyOf(heaps, length);
        free = Arrays.copyOf(free, length);
        tags = Arrays.copyOf(tags, length);
    }

    @Override
    public int regionOf(int index) {
        return heaps[index];
    }

    /** Adds an entry behind all others, which belongs to no heap. Returns its index. */
    int add(Kind kind, long from, long to, long structure) {
        int index = add(from, to - from, structure);
        kinds[index] = kind;
        firsts[index] = from;
        blockSizes[index] = to - from;
        heaps[index] = -1;
        free[index] = 0;
        tags[index] = 0;
        return index;
    }

    /**
     * Adds a page, as it is laid out.
     *
     * @param owner the number of its heap
     */
    void addPage(long from, long to, MiPage view, PageShape shape, int owner) {
        int index = add(Kind.PAGE, from, to, view.address());
        firsts[index] = shape.start();
        blockSizes[index] = shape.blockSize();
        free[index] = view.capacity() - view.used();
        tags[index] = (byte) view.tag();
        heaps[index] = owner;
    }

    /** Adds an entry of another table. */
    void addFrom(PageTable other, int from) {
        int index = add(other.kinds[from], other.starts[from], other.end(from), other.structures[from]);
        firsts[index] = other.firsts[from];
        blockSizes[index] = other.blockSizes[from];
        heaps[index] = other.heaps[from];
        free[index] = other.free[from];
        tags[index] = other.tags[from];
    }

    /** Makes an entry longer or shorter. */
    void endAt(int index, long to) {
        resize(index, to - starts[index]);
    }

    /** Makes the last entry part of the one before, which goes on behind it. */
    void joinLast(long to) {
        removeLast();
        endAt(count() - 1, to);
    }

    /** The sizes of which a heap has free blocks in its pages, but for those that other threads freed. */
    FreeTable freeLists(int firstRegion) {
        FreeTable rows = new FreeTable(
                firstRegion, "Heap", List.of(), Column.size("Block size", "block_size"), Column.sum("Pages", "pages"));
        for (int i = 0; i < count(); i++) {
            if (kinds[i] == Kind.PAGE && free[i] > 0) {
                rows.add(heaps[i], blockSizes[i], free[i]);
            }
        }
        return rows;
    }
}
