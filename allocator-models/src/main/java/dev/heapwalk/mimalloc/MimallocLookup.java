// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.memory.Reader;

/** Finds the block that an address lies in: its page among all, its number by the size. */
final class MimallocLookup extends AtBlock implements BlockLookup {
    /** The moment that what was read before belongs to. */
    private long moment;

    private boolean closed;

    MimallocLookup(MimallocHeap heap, Reader reader) {
        super(heap, reader);
        this.moment = heap.target().moment();
    }

    @Override
    public boolean find(long address) {
        if (closed) {
            throw new IllegalStateException("the look-up is closed: it finds nothing any more");
        }
        long now = heap.target().moment();
        boolean same = now != 0 && now == moment;
        if (!same) {
            moment = now;
            reader.forget();
        }
        int found = map.table().at(address);
        if (found < 0) {
            leave();
            return false;
        }
        // One often asks for several blocks of a page, whose lists are known then.
        if (!(same && found == entry) && open(found) != Opened.GOOD) {
            leave();
            return false;
        }
        if (page()) {
            at(address);
        } else {
            whole();
        }
        return true;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            leave();
            reader.close();
        }
    }

    @Override
    public String toString() {
        return entry < 0 ? "at no block" : Block.describe(this);
    }
}
