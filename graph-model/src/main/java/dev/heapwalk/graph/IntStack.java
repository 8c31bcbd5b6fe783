// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.memory.raw.LocalArray;
import java.util.ArrayList;
import java.util.List;

/** Numbers in the order in which they came; the last one can be taken back. */
final class IntStack implements AutoCloseable {
    private static final int SHIFT = 16;
    private static final int MASK = (1 << SHIFT) - 1;

    private final Tables tables;
    private final List<LocalArray> pieces = new ArrayList<>();
    private LocalArray current;
    private int size;

    IntStack(Tables tables) {
        this.tables = tables;
    }

    void push(int value) {
        if ((size & MASK) == 0) {
            if (pieces.size() <= size >>> SHIFT) {
                pieces.add(tables.ints(MASK + 1L));
            }
            current = pieces.get(size >>> SHIFT);
        }
        current.put(size++ & MASK, value);
    }

    int pop() {
        int value = current.intAt(--size & MASK);
        if ((size & MASK) == 0 && size > 0) {
            current = pieces.get((size >>> SHIFT) - 1);
        }
        return value;
    }

    int get(int index) {
        return pieces.get(index >>> SHIFT).intAt(index & MASK);
    }

    boolean isEmpty() {
        return size == 0;
    }

    int size() {
        return size;
    }

    @Override
    public void close() {
        pieces.forEach(tables::free);
        pieces.clear();
        size = 0;
    }
}
