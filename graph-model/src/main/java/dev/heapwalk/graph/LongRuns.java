// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.memory.raw.LocalArray;
import java.util.ArrayList;
import java.util.List;

/** Numbers in the order in which they came, whose count nobody knows before. */
final class LongRuns implements AutoCloseable {
    private static final int SHIFT = 17;
    private static final int MASK = (1 << SHIFT) - 1;

    private final Tables tables;
    private final List<LocalArray> pieces = new ArrayList<>();
    private LocalArray last;
    private long count;

    LongRuns(Tables tables) {
        this.tables = tables;
    }

    void add(long value) {
        if ((count & MASK) == 0) {
            last = tables.longs(MASK + 1L);
            pieces.add(last);
        }
        last.put(count++ & MASK, value);
    }

    long get(long index) {
        return pieces.get((int) (index >>> SHIFT)).longAt(index & MASK);
    }

    void set(long index, long value) {
        pieces.get((int) (index >>> SHIFT)).put(index & MASK, value);
    }

    long count() {
        return count;
    }

    @Override
    public void close() {
        pieces.forEach(tables::free);
        pieces.clear();
        count = 0;
    }
}
