// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.memory.Mapping;
import java.util.BitSet;
import java.util.IdentityHashMap;
import java.util.Map;

/** A mapping, with the pages of it that blocks of heaps lie on. */
final class MappedBlocks {
    /** More pages than that are looked at several at once. */
    private static final int MOST_BITS = 1 << 28;

    private final Mapping mapping;
    private final long unit;
    private final Tally blocks = new Tally();
    private final BitSet taken = new BitSet();
    private final Map<Heap, long[]> heaps = new IdentityHashMap<>(2);

    /** Is told of ranges. */
    interface Sink {
        void range(long start, long end);
    }

    MappedBlocks(Mapping mapping, int pageSize) {
        this.mapping = mapping;
        long pages = pageSize;
        while (mapping.length() / pages > MOST_BITS) {
            pages *= 2;
        }
        this.unit = pages;
    }

    Mapping mapping() {
        return mapping;
    }

    long start() {
        return mapping.start();
    }

    long end() {
        return mapping.end();
    }

    /** Notes that a block of a heap lies there. */
    void note(long start, long end, Heap heap) {
        taken.set((int) ((start - mapping.start()) / unit), (int) ((end - 1 - mapping.start()) / unit) + 1);
        heaps.computeIfAbsent(heap, _ -> new long[1])[0] += end - start;
    }

    /** What the blocks have of it. */
    Tally blocks() {
        return blocks;
    }

    boolean hasBlocks() {
        return !heaps.isEmpty();
    }

    /** The heap that has most of it. */
    Heap mostly() {
        return heaps.entrySet().stream()
                .max((one, other) -> Long.compare(one.getValue()[0], other.getValue()[0]))
                .orElseThrow()
                .getKey();
    }

    /** Tells the ranges of pages that blocks lie on. */
    void taken(Sink sink) {
        for (int i = taken.nextSetBit(0); i >= 0; ) {
            int behind = taken.nextClearBit(i);
            sink.range(place(i), place(behind));
            i = taken.nextSetBit(behind);
        }
    }

    /** Tells the ranges of pages that no block lies on. */
    void empty(Sink sink) {
        long from = mapping.start();
        for (int i = taken.nextSetBit(0); i >= 0; ) {
            if (place(i) > from) {
                sink.range(from, place(i));
            }
            int behind = taken.nextClearBit(i);
            from = place(behind);
            i = taken.nextSetBit(behind);
        }
        if (from < mapping.end()) {
            sink.range(from, mapping.end());
        }
    }

    private long place(int index) {
        return Math.min(mapping.end(), mapping.start() + index * unit);
    }
}
