// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.Spans;
import java.util.Arrays;

/** Spans, and the memory that tcmalloc keeps its own structures in, in address order. */
final class SpanTable extends Spans {
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

    /** What the program may use of a large or sampled block, in bytes. */
    long[] usables = new long[starts.length];

    Kind[] kinds = new Kind[starts.length];
    /** Numbers of size classes, 0 for what has none. */
    short[] classes = new short[starts.length];

    @Override
    protected void grow(int length) {
        usables = Arrays.copyOf(usables, length);
        kinds = Arrays.copyOf(kinds, length);
        classes = Arrays.copyOf(classes, length);
    }

    /** Adds one behind all others. */
    void add(Kind kind, long start, long size, long span, long usable, int sizeClass) {
        int index = add(start, size, span);
        kinds[index] = kind;
        usables[index] = usable;
        classes[index] = (short) sizeClass;
    }

    @Override
    public int regionOf(int index) {
        return kinds[index] == Kind.META ? -1 : 0;
    }
}
