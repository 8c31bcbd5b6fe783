// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph.root;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.LayerCursor;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Ranges;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Where heaps have their blocks, used or not, as runs of such that touch each other. */
final class HeapMemory {
    /** A pointer to the first byte behind a block is one to this block. */
    private static final int PAST_END = 16;

    private final List<Range> runs;

    private HeapMemory(List<Range> runs) {
        this.runs = runs;
    }

    static HeapMemory of(Heaps heaps) {
        List<Range> runs = new ArrayList<>();
        if (heaps.isEmpty()) {
            return new HeapMemory(runs);
        }
        try (LayerCursor block = heaps.blocks()) {
            long start = 0;
            long end = 0;
            while (block.next()) {
                long from = block.start();
                if (from != end) {
                    add(runs, start, end);
                    start = from;
                }
                end = from + block.size();
            }
            add(runs, start, end);
        }
        return new HeapMemory(joined(runs, 1));
    }

    private static void add(List<Range> runs, long start, long end) {
        if (start > 0 && end > start) {
            runs.add(new Range(start, end));
        }
    }

    /** Rounds ranges to units and joins those that meet then. */
    private static List<Range> joined(List<Range> ranges, long unit) {
        List<Range> sorted = new ArrayList<>(ranges);
        sorted.sort(Comparator.comparingLong(Range::start));
        List<Range> all = new ArrayList<>();
        for (Range range : sorted) {
            long start = range.start() & -unit;
            long end = range.end() + unit - 1 & -unit;
            if (!all.isEmpty() && start <= all.getLast().end()) {
                Range before = all.removeLast();
                all.add(new Range(before.start(), Math.max(end, before.end())));
            } else {
                all.add(new Range(start, end));
            }
        }
        return all;
    }

    /** The pages that blocks lie on. What else is on them is the allocator's. */
    List<Range> pages(int size) {
        return joined(runs, size);
    }

    /** What a pointer to a block points into. */
    Ranges targets() {
        long[] starts = new long[runs.size()];
        long[] ends = new long[runs.size()];
        for (int i = 0; i < starts.length; i++) {
            starts[i] = runs.get(i).start();
            ends[i] = runs.get(i).end() + PAST_END;
            if (i + 1 < starts.length) {
                ends[i] = Math.min(ends[i], runs.get(i + 1).start());
            }
        }
        return Ranges.exactly(starts, ends);
    }
}
