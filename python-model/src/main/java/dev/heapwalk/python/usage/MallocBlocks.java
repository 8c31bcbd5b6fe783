// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.Reader;
import java.util.Arrays;

/**
 * The blocks in use of the allocators whose use is not known, and does not show in what they hold, by address.
 */
final class MallocBlocks {
    /** If there are more, what lies in the others is not followed. */
    private static final int MOST = 1 << 20;

    private long[] starts = new long[1 << 10];
    private long[] sizes = new long[1 << 10];
    private int count;

    MallocBlocks(Heaps heaps, UseTable table, Leftovers leftovers, Reader memory) {
        boolean sorted = true;
        for (Heap heap : heaps.allocators().findAll(Heap.class)) {
            try (BlockCursor block = heap.blocks()) {
                while (count < MOST && block.next()) {
                    if (block.state() == BlockState.USED
                            && table.get(block.address()) == UseTable.UNKNOWN
                            && leftovers.of(block, memory) == Category.NONE) {
                        sorted &= count == 0 || starts[count - 1] < block.address();
                        add(block.address(), block.usableSize());
                    }
                }
            }
        }
        if (!sorted) {
            sort();
        }
    }

    private void add(long start, long size) {
        if (count == starts.length) {
            starts = Arrays.copyOf(starts, 2 * count);
            sizes = Arrays.copyOf(sizes, 2 * count);
        }
        starts[count] = start;
        sizes[count++] = size;
    }

    /** Runs of blocks are sorted in themselves, and few. */
    private void sort() {
        Integer[] order = new Integer[count];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (one, other) -> Long.compare(starts[one], starts[other]));
        long[] byStart = new long[count];
        long[] ofThese = new long[count];
        for (int i = 0; i < count; i++) {
            byStart[i] = starts[order[i]];
            ofThese[i] = sizes[order[i]];
        }
        starts = byStart;
        sizes = ofThese;
    }

    /** The number of the block that an address lies in, -1 if it lies in none. */
    int at(long address) {
        int found = Arrays.binarySearch(starts, 0, count, address);
        int index = found >= 0 ? found : -found - 2;
        return index >= 0 && address < starts[index] + sizes[index] ? index : -1;
    }

    int count() {
        return count;
    }

    long start(int number) {
        return starts[number];
    }

    long size(int number) {
        return sizes[number];
    }
}
