// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph.root;

import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Ranges;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What is one node of the graph: memory, or words that are in no memory, with names.
 *
 * @param category what the node is called
 * @param memory where to look for words
 * @param words more of them, such as registers, named by their numbers
 * @param name names them
 */
record RootPart(RootCategory category, Ranges memory, long[] words, WordName name) {

    /** A part that is memory. */
    static RootPart of(String label, List<Range> ranges, WordName name) {
        List<Range> sorted = new ArrayList<>();
        for (Range range :
                ranges.stream().sorted(Comparator.comparingLong(Range::start)).toList()) {
            long start = sorted.isEmpty()
                    ? range.start()
                    : Math.max(range.start(), sorted.getLast().end());
            if (start < range.end()) {
                sorted.add(new Range(start, range.end()));
            }
        }
        return new RootPart(
                new RootCategory(label, false),
                Ranges.exactly(
                        sorted.stream().mapToLong(Range::start).toArray(),
                        sorted.stream().mapToLong(Range::end).toArray()),
                new long[0],
                name);
    }

    /** A part that is registers. */
    static RootPart of(String label, long[] words, WordName name) {
        return new RootPart(new RootCategory(label, false), Ranges.NONE, words, name);
    }
}
