// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;

/** Finds the block that an address lies in: its span among all, its object by the size. */
final class TcmallocLookup extends AtBlock implements BlockLookup {
    private final Target target;
    /** The moment that what was read before belongs to. */
    private long moment;

    private boolean closed;

    TcmallocLookup(Target target, HeapMap map, Reader reader) {
        super(map, reader);
        this.target = target;
        this.moment = target.moment();
    }

    @Override
    public boolean find(long address) {
        if (closed) {
            throw new IllegalStateException("the look-up is closed: it finds nothing any more");
        }
        long now = target.moment();
        if (now == 0 || now != moment) {
            moment = now;
            reader.forget();
        }
        leave();
        int index = map.table().at(address);
        if (index < 0 || open(index) != Opened.GOOD) {
            leave();
            return false;
        }
        if (!small()) {
            whole();
            return true;
        }
        int found = objectAt(address);
        if (found < 0) {
            leave();
            return false;
        }
        objectOfSpan(found);
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
        return span < 0 ? "at no block" : Block.describe(this);
    }
}
