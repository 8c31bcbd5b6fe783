// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.Spans;
import java.util.Arrays;

/** Extents, and the blocks that jemalloc keeps its own structures in, in address order. */
final class ExtentTable extends Spans {
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

    /** What {@code e_addr} is. */
    long[] addresses = new long[starts.length];

    Kind[] kinds = new Kind[starts.length];
    /** Indexes of size classes, -1 for what has none. */
    short[] classes = new short[starts.length];
    /** Numbers of arenas, -1 for what belongs to none. */
    short[] arenas = new short[starts.length];
    /** Free regions, shards of bins. */
    short[] nfree = new short[starts.length];

    byte[] shards = new byte[starts.length];

    @Override
    protected void grow(int length) {
        addresses = Arrays.copyOf(addresses, length);
        kinds = Arrays.copyOf(kinds, length);
        classes = Arrays.copyOf(classes, length);
        arenas = Arrays.copyOf(arenas, length);
        nfree = Arrays.copyOf(nfree, length);
        shards = Arrays.copyOf(shards, length);
    }

    /** Adds one behind all others, free of what only extents of the tree have. Returns its index. */
    int add(Kind kind, long start, long size) {
        return add(kind, start, size, 0);
    }

    /** Adds one that a structure describes, at the address that is given last. */
    int add(Kind kind, long start, long size, long edata) {
        int index = add(start, size, edata);
        kinds[index] = kind;
        addresses[index] = start;
        classes[index] = -1;
        arenas[index] = -1;
        return index;
    }

    @Override
    public int regionOf(int index) {
        return arenas[index];
    }
}
