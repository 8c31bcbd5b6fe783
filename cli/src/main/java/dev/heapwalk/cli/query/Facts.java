// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.query;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Residency;

/** What is known of the block that a walk is at. It is found out when it is asked for. */
public final class Facts {
    private final UsageCursor usage;
    private final Residency residency;
    private Heap heap;
    /** The number of the heap's first arena, -1 if it has none. */
    private int firstArena;

    /**
     * Tells of the blocks of a walk.
     *
     * @param usage walks
     * @param residency what is in memory
     */
    public Facts(UsageCursor usage, Residency residency) {
        this.usage = usage;
        this.residency = residency;
    }

    long address() {
        return usage.address();
    }

    long size() {
        return usage.size();
    }

    BlockState state() {
        return usage.state();
    }

    String stateName() {
        return usage.name();
    }

    Category category() {
        return usage.category();
    }

    boolean mmapped() {
        return usage.ownMapping();
    }

    /** The number of its arena, as the command shows it; -1 for none. */
    long arena() {
        Heap now = usage.heap();
        if (now != heap) {
            heap = now;
            firstArena = now.layer() == HeapLayer.ALLOCATOR ? now.firstRegion() : -1;
        }
        int region = usage.region();
        return firstArena < 0 || region < 0 ? -1 : firstArena + region;
    }

    /** How many of its bytes are on pages in memory. */
    long resident() {
        long start = usage.current().start();
        return residency.bytes(start, start + usage.size(), Residency.PRESENT, Residency.ZERO);
    }
}
