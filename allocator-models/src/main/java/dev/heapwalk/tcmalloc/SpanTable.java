// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import java.util.Arrays;

/**
 * Spans, and the memory that tcmalloc keeps its own structures in, in address order. The arrays are open to the
 * cursors, which look at them at each step.
 */
final class SpanTable {
    /** What is in a span. */
    enum Kind {
        /** Objects of one size. */
        SMALL,
        /** One block. */
        LARGE,
        /** One block, with a stack trace. */
        SAMPLED,
        /** Free pages. */
        NORMAL,
        /** Free addresses. */
        RETURNED,
        /** Something between two states, or damaged. */
        FLUX,
        /** tcmalloc's own structures: no span. */
        META
    }

    private static final int FIRST_LENGTH = 1024;

    private int count;
    private long totalBytes;

    /** Target addresses of the first bytes. */
    long[] starts = new long[FIRST_LENGTH];
    /** Bytes, whole pages. */
    long[] sizes = new long[FIRST_LENGTH];
    /** Target addresses of the structures, 0 for what has none. */
    long[] spans = new long[FIRST_LENGTH];
    /** What the program may use of a large or sampled block, in bytes. */
    long[] usables = new long[FIRST_LENGTH];

    Kind[] kinds = new Kind[FIRST_LENGTH];
    /** Numbers of size classes, 0 for what has none. */
    short[] classes = new short[FIRST_LENGTH];

    int count() {
        return count;
    }

    long totalBytes() {
        return totalBytes;
    }

    /** Adds one behind all others. */
    void add(Kind kind, long start, long size, long span, long usable, int sizeClass) {
        if (count == starts.length) {
            int length = 2 * count;
            starts = Arrays.copyOf(starts, length);
            sizes = Arrays.copyOf(sizes, length);
            spans = Arrays.copyOf(spans, length);
            usables = Arrays.copyOf(usables, length);
            kinds = Arrays.copyOf(kinds, length);
            classes = Arrays.copyOf(classes, length);
        }
        kinds[count] = kind;
        starts[count] = start;
        sizes[count] = size;
        spans[count] = span;
        usables[count] = usable;
        classes[count] = (short) sizeClass;
        totalBytes += size;
        count++;
    }

    /** The span that holds an address, or -1. */
    int at(long address) {
        int index = Arrays.binarySearch(starts, 0, count, address);
        if (index < 0) {
            index = -index - 2;
        }
        return index >= 0 && address < starts[index] + sizes[index] ? index : -1;
    }
}
