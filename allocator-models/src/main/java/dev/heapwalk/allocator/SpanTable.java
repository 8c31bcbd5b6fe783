// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import java.util.Arrays;

/**
 * Spans of equal blocks, in address order: what an allocator calls pages, slabs, spans or groups, or a part of one, and
 * with one block in each what else it has. Subclasses have more columns. The arrays are open to those who walk.
 */
public class SpanTable {
    private static final int FIRST_LENGTH = 256;

    private int count;
    private long totalBytes;

    /** Target addresses of the first byte, of all that belongs to the first block. */
    public long[] froms = new long[FIRST_LENGTH];
    /** How many blocks there are. */
    public int[] blocks = new int[FIRST_LENGTH];
    /** How far the next block lies behind one, in bytes. */
    public long[] strides = new long[FIRST_LENGTH];
    /** Target addresses of the structures that describe them, 0 for what has none. */
    public long[] structures = new long[FIRST_LENGTH];

    /** Makes an empty table. */
    public SpanTable() {}

    /**
     * Makes the columns of a subclass longer.
     *
     * @param length the new length of each
     */
    protected void grow(int length) {
        // No more columns.
    }

    /**
     * Adds a span behind all others.
     *
     * @param from target address of its first byte
     * @param ofBlocks how many blocks it has
     * @param stride the distance of two blocks in bytes
     * @param structure target address of the structure that describes it, 0 if there is none
     * @return its index
     */
    protected final int add(long from, int ofBlocks, long stride, long structure) {
        if (count == froms.length) {
            int length = 2 * count;
            froms = Arrays.copyOf(froms, length);
            blocks = Arrays.copyOf(blocks, length);
            strides = Arrays.copyOf(strides, length);
            structures = Arrays.copyOf(structures, length);
            grow(length);
        }
        froms[count] = from;
        blocks[count] = ofBlocks;
        strides[count] = stride;
        structures[count] = structure;
        totalBytes += ofBlocks * stride;
        return count++;
    }

    /**
     * How many spans there are.
     *
     * @return their number
     */
    public final int count() {
        return count;
    }

    /**
     * The size of all spans.
     *
     * @return bytes
     */
    public final long totalBytes() {
        return totalBytes;
    }

    /**
     * The size of a span.
     *
     * @param index which one
     * @return bytes
     */
    public final long size(int index) {
        return blocks[index] * strides[index];
    }

    /**
     * The span that holds an address.
     *
     * @param address target address
     * @return its index, -1 if none does
     */
    public final int at(long address) {
        int index = Arrays.binarySearch(froms, 0, count, address);
        if (index < 0) {
            index = -index - 2;
        }
        return index >= 0 && address - froms[index] < size(index) ? index : -1;
    }
}
