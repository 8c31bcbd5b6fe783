// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.python.PymallocCursor;
import dev.heapwalk.python.PymallocPart;
import dev.heapwalk.python.PythonRuntime;
import java.util.List;

/** The parts of all arenas, or of one, as blocks. */
final class PartBlocks extends PartView implements BlockCursor {
    private static final int ALL = -1;

    /** The arena that is walked. */
    private final int only;
    /** Whether the cursor is already at the first part of that arena. */
    private boolean ahead;

    private boolean started;
    private long leftOut;

    PartBlocks(PythonRuntime runtime) {
        this(runtime, ALL);
    }

    PartBlocks(PythonRuntime runtime, int only) {
        this.only = only;
        over(runtime, only == ALL ? runtime.parts() : runtime.partFinder());
        begin();
    }

    private void begin() {
        leftOut = 0;
        started = false;
        ahead = only != ALL && parts.find(runtime.arenas().get(only).address());
    }

    @Override
    public boolean next() {
        if (started && parts.size() == 0) {
            return false;
        }
        started = true;
        boolean found = ahead || parts.next();
        ahead = false;
        if (!found || only != ALL && parts.arena() != only) {
            return false;
        }
        if (parts.part() == PymallocPart.DAMAGED_POOL) {
            leftOut += parts.size();
        }
        return true;
    }

    @Override
    public void rewind() {
        parts.rewind();
        begin();
    }

    @Override
    public boolean rewind(Heap heap) {
        if (only != ALL || !(heap instanceof PythonHeap python) || python.target() != runtime.target()) {
            return false;
        }
        if (python.runtime() == runtime) {
            rewind();
            return true;
        }
        PymallocCursor before = parts;
        over(python.runtime(), python.runtime().parts());
        before.close();
        begin();
        return true;
    }

    @Override
    public void close() {
        parts.close();
    }

    @Override
    public long walkedBytes() {
        return only == ALL ? parts.walkedBytes() : parts.walkedBytes() - (long) only * runtime.arenaSize();
    }

    @Override
    public long totalBytes() {
        return only == ALL ? parts.totalBytes() : runtime.arenaSize();
    }

    @Override
    public long leftOutBytes() {
        return leftOut;
    }

    @Override
    public List<Damage> damage() {
        return List.copyOf(parts.damages());
    }

    @Override
    public String toString() {
        return Block.describe(this);
    }
}
