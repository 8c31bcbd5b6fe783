// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import java.util.Arrays;

/**
 * Extents, and the blocks that jemalloc keeps its own structures in, in address order. The arrays are open to the
 * cursors, which look at them at each step.
 */
final class ExtentTable {
    /** What is in an extent. */
    enum Kind {
        /** Regions of one size. */
        SLAB,
        /** One block. */
        LARGE,
        /** Free pages. */
        DIRTY,
        /** Free pages. */
        MUZZY,
        /** Free addresses. */
        RETAINED,
        /** Something between two states, or damaged. */
        FLUX,
        /** jemalloc's own structures: no extent of the tree. */
        BASE
    }

    private static final int FIRST_LENGTH = 1024;

    private int count;
    private long totalBytes;

    /** Target addresses of the first pages. */
    long[] starts = new long[FIRST_LENGTH];
    /** Bytes, whole pages. */
    long[] sizes = new long[FIRST_LENGTH];
    /** What {@code e_addr} is. */
    long[] addresses = new long[FIRST_LENGTH];

    long[] edatas = new long[FIRST_LENGTH];
    Kind[] kinds = new Kind[FIRST_LENGTH];
    /** Indexes of size classes, -1 for what has none. */
    short[] classes = new short[FIRST_LENGTH];
    /** Numbers of arenas, -1 for what belongs to none. */
    short[] arenas = new short[FIRST_LENGTH];
    /** Free regions, shards of bins. */
    short[] nfree = new short[FIRST_LENGTH];

    byte[] shards = new byte[FIRST_LENGTH];

    int count() {
        return count;
    }

    long totalBytes() {
        return totalBytes;
    }

    /** Adds one behind all others, free of what only extents of the tree have. Returns its index. */
    int add(Kind kind, long start, long size) {
        if (count == starts.length) {
            int length = 2 * count;
            starts = Arrays.copyOf(starts, length);
            sizes = Arrays.copyOf(sizes, length);
            addresses = Arrays.copyOf(addresses, length);
            edatas = Arrays.copyOf(edatas, length);
            kinds = Arrays.copyOf(kinds, length);
            classes = Arrays.copyOf(classes, length);
            arenas = Arrays.copyOf(arenas, length);
            nfree = Arrays.copyOf(nfree, length);
            shards = Arrays.copyOf(shards, length);
        }
        kinds[count] = kind;
        starts[count] = start;
        sizes[count] = size;
        addresses[count] = start;
        classes[count] = -1;
        arenas[count] = -1;
        totalBytes += size;
        return count++;
    }

    /** The extent that holds an address, or -1. */
    int at(long address) {
        int index = Arrays.binarySearch(starts, 0, count, address);
        if (index < 0) {
            index = -index - 2;
        }
        return index >= 0 && address < starts[index] + sizes[index] ? index : -1;
    }
}
