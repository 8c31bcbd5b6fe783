// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import java.util.Arrays;

/**
 * Spans of equal blocks, in address order: what an allocator calls pages, slabs, spans or groups, or a part of one, and
 * with one block in each what else it has. Subclasses have more columns. The arrays are open to those who walk.
 */
public abstract class Spans {
    private static final int FIRST_LENGTH = 256;

    private int count;
    private long totalBytes;

    /** Target addresses of the first byte, of all that belongs to the span. */
    public long[] starts = new long[FIRST_LENGTH];
    /** Bytes, with those that lie in no block. */
    public long[] sizes = new long[FIRST_LENGTH];
    /** Target addresses of the structures that describe them, 0 for what has none. */
    public long[] structures = new long[FIRST_LENGTH];

    /** Makes an empty table. */
    protected Spans() {}

    /**
     * Makes the columns of a subclass longer.
     *
     * @param length the new length of each
     */
    protected abstract void grow(int length);

    /**
     * The region that a span lies in.
     *
     * @param index the index of the span
     * @return the number of a row of the heap's regions, -1 if it lies in none
     */
    public abstract int regionOf(int index);

    /**
     * Adds a span behind all others.
     *
     * @param start target address of its first byte
     * @param size bytes
     * @param structure target address of the structure that describes it, 0 if there is none
     * @return its index
     */
    protected final int add(long start, long size, long structure) {
        if (count == starts.length) {
            int length = 2 * count;
            starts = Arrays.copyOf(starts, length);
            sizes = Arrays.copyOf(sizes, length);
            structures = Arrays.copyOf(structures, length);
            grow(length);
        }
        starts[count] = start;
        sizes[count] = size;
        structures[count] = structure;
        totalBytes += size;
        return count++;
    }

    /**
     * Makes a span longer or shorter.
     *
     * @param index the index of the span
     * @param size its new size in bytes
     */
    protected final void resize(int index, long size) {
        totalBytes += size - sizes[index];
        sizes[index] = size;
    }

    /** Takes the last span away again. */
    protected final void removeLast() {
        totalBytes -= sizes[--count];
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
     * Where a span ends.
     *
     * @param index the index of the span
     * @return the target address behind its last byte
     */
    public final long end(int index) {
        return starts[index] + sizes[index];
    }

    /**
     * The span that holds an address.
     *
     * @param address target address
     * @return its index, -1 if none does
     */
    public final int at(long address) {
        int index = Arrays.binarySearch(starts, 0, count, address);
        if (index < 0) {
            index = -index - 2;
        }
        return index >= 0 && address - starts[index] < sizes[index] ? index : -1;
    }
}
