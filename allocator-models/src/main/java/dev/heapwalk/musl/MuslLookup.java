// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.allocator.SpanSearch;
import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;

/** Finds the block that an address lies in. */
final class MuslLookup extends AtSlot implements BlockLookup {
    private final SpanSearch search;

    MuslLookup(Target target, GroupTable table, Reader reader) {
        super(table, reader);
        this.search = new SpanSearch(this, target);
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
