// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph.root;

import dev.heapwalk.memory.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Which memory is spoken for, so that no word is gone through twice. */
final class Claims {
    /** Starts and ends of ranges that don't touch each other. */
    private final TreeMap<Long, Long> taken = new TreeMap<>();

    /**
     * Takes what nobody has of a range.
     *
     * @return the parts that nobody had, in address order
     */
    List<Range> take(long start, long end) {
        List<Range> free = new ArrayList<>();
        if (start < 0 || end <= start) {
            return free;
        }
        long from = start;
        long first = start;
        long behind = end;
        Map.Entry<Long, Long> before = taken.floorEntry(start);
        if (before != null && before.getValue() >= start) {
            first = before.getKey();
            from = Math.max(from, before.getValue());
            behind = Math.max(behind, before.getValue());
        }
        Map.Entry<Long, Long> next = taken.higherEntry(start);
        while (next != null && next.getKey() <= end) {
            if (next.getKey() > from) {
                free.add(new Range(from, next.getKey()));
            }
            from = Math.max(from, next.getValue());
            behind = Math.max(behind, next.getValue());
            taken.remove(next.getKey());
            next = taken.higherEntry(start);
        }
        if (from < end) {
            free.add(new Range(from, end));
        }
        taken.put(first, behind);
        return free;
    }

    List<Range> take(Range range) {
        return take(range.start(), range.end());
    }
}
