// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.allocator.SpanSearch;
import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockLookup;

/** Finds the block that an address lies in. */
final class MuslLookup extends AtSlot implements BlockLookup {
    private final SpanSearch search;

    MuslLookup(MuslHeap heap) {
        super(heap.table(), heap.groups(), heap.metas());
        this.search = new SpanSearch(this, heap.target());
    }

    @Override
    public boolean find(long address) {
        return search.find(address);
    }

    @Override
    public void close() {
        search.close();
    }

    @Override
    public String toString() {
        return span < 0 ? "at no block" : Block.describe(this);
    }
}
