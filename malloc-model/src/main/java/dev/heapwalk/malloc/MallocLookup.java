// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.memory.Target;

/** Finds the chunk that an address lies in: goes before it with a cursor, and steps up to it. */
final class MallocLookup extends ChunkView implements BlockLookup {
    /**
     * The last word of a chunk in use is the program's, though it is counted as the next chunk's; the size stands
     * behind it.
     */
    private static final long SHARED = 8;

    private final WalkPlan plan;
    private final ChunkIndex index;
    private final Target target;
    /** The moment that what was read before belongs to. */
    private long moment;

    private boolean closed;
    /** The run that the cursor is in, at a chunk; -1 if it is at none. */
    private int run = -1;

    MallocLookup(ChunkCursor chunk, WalkPlan plan, ChunkIndex index, Target target) {
        super(chunk);
        this.plan = plan;
        this.index = index;
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
            chunk.forget();
            run = -1;
        }
        // An address in the last word of a run's last chunk lies behind the run.
        int wanted = plan.at(address);
        if (wanted < 0) {
            wanted = plan.at(address - SHARED);
        }
        if (wanted < 0) {
            run = -1;
            return false;
        }
        boolean mmapped = plan.arenas[wanted] < 0;
        long inChunk = mmapped ? address : Math.max(address - SHARED, plan.starts[wanted]);
        long from = index.before(wanted, inChunk);
        if (from == 0) {
            run = -1;
            return false;
        }
        // What lies a little ahead is reached from here.
        if (run != wanted || chunk.address() > inChunk || chunk.address() < from) {
            run = -1;
            if (!chunk.moveTo(wanted, from) || !chunk.next() || chunk.run() != wanted) {
                return false;
            }
            run = wanted;
        }
        // Since 2.43 the last word of its mapping belongs to the chunk, though its size does not say so.
        while (!mmapped && inChunk >= chunk.address() + chunk.size()) {
            if (!chunk.next() || chunk.run() != wanted) {
                run = -1;
                return false;
            }
        }
        // It lies before the chunk if damage was left out.
        return inChunk >= chunk.address();
    }

    @Override
    public void close() {
        closed = true;
        run = -1;
        chunk.close();
    }

    @Override
    public String toString() {
        return run < 0 ? "at no block" : Block.describe(this);
    }
}
