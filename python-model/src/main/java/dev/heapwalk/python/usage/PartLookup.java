// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.python.PythonRuntime;

/** Finds the part of an arena that an address lies in. */
final class PartLookup extends PartView implements BlockLookup {
    /** The moment that what was read before belongs to. */
    private long moment;

    private boolean closed;
    private boolean found;

    PartLookup(PythonRuntime runtime) {
        over(runtime, runtime.partFinder());
        moment = runtime.target().moment();
    }

    @Override
    public boolean find(long wanted) {
        if (closed) {
            throw new IllegalStateException("the look-up is closed: it finds nothing any more");
        }
        long now = runtime.target().moment();
        if (now == 0 || now != moment) {
            moment = now;
            parts.rewind();
        }
        found = parts.find(wanted);
        return found;
    }

    @Override
    public void close() {
        closed = true;
        found = false;
        parts.close();
    }

    @Override
    public String toString() {
        return found ? Block.describe(this) : "at no block";
    }
}
