// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.memory.Reader;

/**
 * What a walk over spans of equal blocks and a look-up in them have in common: they are at a block of an opened span. A
 * subclass knows an allocator; that is, it opens a span and looks at a block of it. Nothing is allocated for either.
 */
public abstract class AtSpan implements BlockView {
    /** In place of the index of a span or a block. */
    protected static final int NONE = -1;

    /** What memory is read with. */
    protected final Reader reader;

    /** The index of the span, {@link #NONE} before the first. */
    protected int span = NONE;
    /** A bit for each block of the opened span that is free, the first block's the lowest of the first word. */
    protected long[] free;

    private int blocks;
    private int block;

    /**
     * Prepares to be at no block.
     *
     * @param reader what memory is read with; closed by what moves this
     * @param most so many blocks a span may have
     */
    protected AtSpan(Reader reader, int most) {
        this.reader = reader;
        this.free = new long[most + Long.SIZE - 1 >>> 6];
    }

    /** What there is to say about a span that a walk comes to. */
    public enum Opened {
        /** It has blocks, of which none is chosen. */
        GOOD,
        /** It was in no state to be read when the heap was located, which was told then. */
        FLUX,
        /** What describes it can't be read. */
        UNREADABLE,
        /** It is no more what it was when the heap was located. */
        CHANGED,
        /** What tells of its free blocks contradicts itself. */
        MISCOUNTED
    }

    /**
     * The spans.
     *
     * @return those of the heap as it was located
     */
    protected abstract SpanTable table();

    /**
     * Reads what describes a span, and notes in {@link #free} which of its blocks are free.
     *
     * @param index the index of the span, which is {@link #span} as well
     * @return {@link Opened#GOOD} if the blocks can be looked at
     */
    protected abstract Opened open(int index);

    /**
     * Looks at the block that was chosen. A walk calls that of its own class, so that it is no virtual call.
     *
     * @return whether it is a block; if not, {@link #harm()} says why
     */
    protected abstract boolean look();

    /**
     * What was wrong with the last block that {@link #look()} refused.
     *
     * @return a clause whose subject is the block
     */
    protected abstract String harm();

    /**
     * The region that a span lies in.
     *
     * @param index the index of the span
     * @return the number of a row of the heap's regions, {@link #NONE} if it lies in none
     */
    protected abstract int regionOf(int index);

    /**
     * What a span is called where it is left out.
     *
     * @param index the index of the span
     * @return a noun phrase
     */
    protected abstract String describe(int index);

    /**
     * Goes to a span. If it is good, a block is to be chosen next.
     *
     * @param index its index
     * @return what there is to say about it
     */
    protected final Opened enter(int index) {
        span = index;
        block = NONE;
        blocks = 0;
        Opened opened = open(index);
        if (opened == Opened.GOOD) {
            blocks = table().blocks[index];
        }
        return opened;
    }

    /** Forgets what was read: memory may have changed. */
    protected void forget() {
        reader.forget();
    }

    /** Frees the buffers, and reads no more. */
    protected void release() {
        reader.close();
    }

    /** Is at no span any more. */
    protected final void leave() {
        span = NONE;
        block = NONE;
        blocks = 0;
    }

    /**
     * Chooses the next block of the span, if there is one.
     *
     * @return whether there is
     */
    protected final boolean step() {
        return ++block < blocks;
    }

    /**
     * Chooses the block that an address lies in, and looks at it.
     *
     * @param address an address in the opened span
     * @return whether it is a block
     */
    final boolean choose(long address) {
        SpanTable table = table();
        long index = (address - table.froms[span]) / table.strides[span];
        if (index < 0 || index >= blocks) {
            return false;
        }
        block = (int) index;
        return look();
    }

    /**
     * The chosen block.
     *
     * @return its index in the span
     */
    protected final int block() {
        return block;
    }

    /**
     * Whether the chosen block is free.
     *
     * @return what its bit says
     */
    protected final boolean isFree() {
        return (free[block >>> 6] >>> block & 1) != 0;
    }
}
