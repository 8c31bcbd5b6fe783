// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;

/**
 * Walks spans of which there is a bit for each free block, where some blocks that look handed out are kept in caches. Of
 * what a block may be held for, the first is that the program has it, and the second that it is free.
 *
 * @param <H> the heap
 */
public abstract class KeptCursor<H extends LocatedHeap<H>> extends SpanCursor<H> {
    private static final int USED = 0;

    /** A bit for each block of the opened span that is free, the first block's the lowest of the first word. */
    protected final long[] free;

    private final int ofThread;
    private final int ofAllocator;
    /** What the one block of the span is held for, {@link #USED} where others tell it. */
    private int whole;

    private KeptBlocks keptBlocks = KeptBlocks.NONE;
    /** The next kept block at or behind this one. */
    private int kept;

    private long keptAddress;

    /**
     * Prepares to be at no block.
     *
     * @param type the class of the heap
     * @param target what is read
     * @param reader reads it, closed with this
     * @param table the spans, as the heap is located with
     * @param states what blocks are held for
     * @param most so many blocks a span may have
     * @param ofThread what those are held for that are in the cache of a thread
     * @param ofAllocator what those are held for that the allocator keeps for itself
     */
    protected KeptCursor(
            Class<H> type,
            Target target,
            Reader reader,
            Spans table,
            States<?> states,
            int most,
            Enum<?> ofThread,
            Enum<?> ofAllocator) {
        super(type, target, reader, table, states);
        this.free = new long[most + Long.SIZE - 1 >>> 6];
        this.ofThread = ofThread.ordinal();
        this.ofAllocator = ofAllocator.ordinal();
    }

    /**
     * Takes those of another heap.
     *
     * @param blocks the blocks that look handed out but are not the program's
     */
    protected final void keep(KeptBlocks blocks) {
        keptBlocks = blocks;
    }

    /**
     * Tells what blocks a span has that is opened, each of which has its bit.
     *
     * @param ofFirst target address of the first one
     * @param bytes the size of each
     * @param count how many there are
     * @return {@link SpanCursor.Opened#GOOD}
     */
    protected final Opened many(long ofFirst, long bytes, int count) {
        size = bytes;
        usable = bytes;
        whole = USED;
        seek(ofFirst);
        return good(ofFirst, bytes, count);
    }

    /**
     * Tells what one block a span has that is opened.
     *
     * @param at target address of the block
     * @param bytes the size of the span, which is that of the block too
     * @param ofProgram what the program may use of it
     * @param heldFor what it is held for
     * @return {@link SpanCursor.Opened#GOOD}
     */
    protected final Opened one(long at, long bytes, long ofProgram, Enum<?> heldFor) {
        size = bytes;
        usable = ofProgram;
        whole = heldFor.ordinal();
        free[0] = 0;
        seek(at);
        return good(at, bytes, 1);
    }

    private void seek(long at) {
        if (whole == USED) {
            kept = keptBlocks.from(at);
            keptAddress = keptBlocks.address(kept);
        } else {
            // So that it is looked at.
            keptAddress = at;
        }
    }

    @Override
    protected final void aim(int index) {
        seek(first + index * stride);
    }

    @Override
    public final boolean next() {
        return (step() || nextSpan()) && look();
    }

    @Override
    protected final boolean look() {
        int index = block();
        long at = first + index * stride;
        address = at;
        // Free ones and used ones alternate at random: the bit is the index of USED or FREE, without a branch.
        state = (int) (free[index >>> 6] >>> index & 1);
        if (keptAddress <= at) {
            handedOut(at);
        }
        return true;
    }

    /** One that looks handed out may be kept, or is no block but pages. */
    private void handedOut(long at) {
        if (whole != USED) {
            state = whole;
            return;
        }
        while (keptAddress < at) {
            keptAddress = keptBlocks.address(++kept);
        }
        if (keptAddress == at && state == USED) {
            state = keptBlocks.owner(kept) == KeptBlocks.ALLOCATOR ? ofAllocator : ofThread;
        }
    }

    /**
     * The cache that has the block.
     *
     * @return its number among those of all threads, negative if none has
     */
    protected final int cache() {
        return state == ofThread ? keptBlocks.owner(kept) : KeptBlocks.NOBODY;
    }
}
