// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import java.util.List;

/**
 * Walks every block of a heap, span after span, or goes to the one that an address lies in. A subclass knows an allocator: it opens a span and looks at a block of it. Nothing is allocated for either. So that no
 * step is a virtual call, {@code next()} is the subclass's, where {@code look()} is final:
 *
 * <pre>{@code
 * public boolean next() {
 *     while (step() || nextSpan()) {
 *         if (look()) {
 *             return true;
 *         }
 *     }
 *     return false;
 * }
 * }</pre>
 *
 * @param <H> the heap
 */
public abstract class SpanCursor<H extends LocatedHeap<H>> implements BlockCursor, BlockLookup {
    /** In place of the index of a span or a block, or of the number of a region. */
    protected static final int NONE = -1;

    /** What is kept of the structures that describe spans, and of what is in them, in bytes. */
    private static final long BUDGET = 4L << 20;

    private static final int LINE = 1 << 14;

    private final Class<H> type;
    private final Target target;
    private final States<?> states;
    /** What memory is read with. */
    protected final Reader reader;

    // What is walked.
    private Spans table;
    private boolean settled;
    private long lost;
    private int region = NONE;
    private int from;
    private int to;

    private final DamageList damages = new DamageList();
    private int next;
    private long total;
    private long walked;
    private long leftOut;
    private boolean closed;

    /** The moment that what was read for a look-up belongs to. */
    private long moment;

    /** The index of the span, {@link #NONE} before the first. */
    protected int span = NONE;
    /** Target address of the span's first block. */
    protected long first;
    /** The distance of two blocks of the span in bytes. */
    protected long stride;

    private int blocks;
    private int block;

    /** Target address of the block. */
    protected long address;
    /** Its size in bytes. */
    protected long size;
    /** What the program may use of it, in bytes. */
    protected long usable;
    /** The index of what it is held for. */
    protected int state;

    /**
     * Prepares to be at no block.
     *
     * @param type the class of the heap
     * @param target what is read
     * @param reader reads it, closed with this
     * @param table the spans, as the heap is located with
     * @param states what blocks are held for
     */
    protected SpanCursor(Class<H> type, Target target, Reader reader, Spans table, States<?> states) {
        this.type = type;
        this.target = target;
        this.reader = reader;
        this.table = table;
        this.states = states;
        this.moment = target.moment();
    }

    /**
     * What a cursor reads with.
     *
     * @param target what is to be read
     * @return a reader with a cache for the structures of spans, which lie side by side
     */
    protected static Reader reader(Target target) {
        return target.memory().reader(BUDGET, LINE);
    }

    /** What there is to say about a span that a walk comes to. */
    public enum Opened {
        /** It has blocks, of which none is chosen. */
        GOOD(""),
        /** It was in no state to be read when the heap was located, which was told then. */
        FLUX(""),
        /** What describes it can't be read. */
        UNREADABLE("is described by what can't be read"),
        /** It is no more what it was when the heap was located. */
        CHANGED("is no more what it was when the heap was located"),
        /** What tells of its free blocks leads to none of its blocks, or twice to one. */
        BROKEN("has free blocks that are none of its blocks, or are free twice"),
        /** It counts others than it has. */
        MISCOUNTED("counts other free blocks than it has");

        private final String clause;

        Opened(String clause) {
            this.clause = clause;
        }
    }

    /**
     * Takes another heap, of the same target.
     *
     * @param heap the heap whose spans are walked from now on
     * @return its spans
     */
    protected abstract Spans take(H heap);

    /**
     * Reads what describes a span, notes which of its blocks are free, and calls {@link #good} if they can be looked at.
     *
     * @param index the index of the span, which is {@link #span} as well
     * @return what there is to say about it
     */
    protected abstract Opened open(int index);

    /**
     * Looks at the block that was chosen.
     *
     * @return whether it is a block
     */
    protected abstract boolean look();

    /**
     * What a span is called where it is left out.
     *
     * @param index the index of the span
     * @return a noun phrase
     */
    protected abstract String describe(int index);

    /**
     * Tells what blocks a span has that is opened.
     *
     * @param ofFirst target address of the first one
     * @param ofStride the distance of two of them in bytes
     * @param count how many there are
     * @return {@link Opened#GOOD}, or {@link Opened#CHANGED} if there is none
     */
    protected final Opened good(long ofFirst, long ofStride, int count) {
        first = ofFirst;
        stride = ofStride;
        blocks = count;
        return count > 0 ? Opened.GOOD : Opened.CHANGED;
    }

    /** Forgets what was read: memory may have changed. */
    protected void forget() {
        reader.forget();
    }

    /** Frees the buffers, and reads no more. */
    protected void release() {
        reader.close();
    }

    /**
     * The index of the block that an address of the opened span lies in.
     *
     * @param wanted target address
     * @return the index, negative or too large where there is no block
     */
    protected int blockAt(long wanted) {
        return (int) ((wanted - first) / stride);
    }

    /**
     * Is told before a block is looked at that need not lie behind the one before.
     *
     * @param index the index of the block
     */
    protected void aim(int index) {
        // Most look at each block alike.
    }

    /**
     * Goes before the first block of a heap.
     *
     * @param heap the heap
     * @param ofRegion the region whose blocks are walked, {@link #NONE} for all
     */
    protected final void walk(H heap, int ofRegion) {
        table = take(heap);
        settled = heap.settled();
        lost = heap.located().leftOut();
        region = ofRegion;
        from = 0;
        to = table.count();
        rewind();
    }

    /**
     * Goes before the first block of one span.
     *
     * @param index the index of the span
     */
    protected final void walkSpan(int index) {
        region = NONE;
        from = index;
        to = index + 1;
        rewind();
    }

    @Override
    public final void rewind() {
        leave();
        next = from;
        damages.clear();
        boolean whole = region < 0 && to - from == table.count();
        // What was lost when the heap was located lies in no span, and so behind the cursor.
        leftOut = whole ? lost : 0;
        walked = leftOut;
        total = leftOut + (whole ? table.totalBytes() : 0);
        for (int i = from; i < to && !whole; i++) {
            total += isWanted(i) ? table.sizes[i] : 0;
        }
    }

    @Override
    public final boolean rewind(Heap other) {
        if (closed || !type.isInstance(other) || other.target() != target) {
            return false;
        }
        forget();
        walk(type.cast(other), NONE);
        return true;
    }

    private boolean isWanted(int index) {
        return region < 0 || table.regionOf(index) == region;
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
     * The chosen block.
     *
     * @return its index in the span
     */
    protected final int block() {
        return block;
    }

    /**
     * Goes to the next span whose blocks can be looked at, and chooses its first block. Long, so that it is compiled by
     * itself, and leaves the registers to the steps.
     *
     * @return whether there is one
     * @throws IllegalStateException if the cursor is closed
     */
    protected final boolean nextSpan() {
        if (closed) {
            throw new IllegalStateException("the cursor is closed: it does not move any more");
        }
        if (span >= 0) {
            walked += table.sizes[span];
        }
        while (next < to) {
            int index = next++;
            if (!isWanted(index)) {
                continue;
            }
            Opened opened = enter(index);
            if (opened == Opened.GOOD && step()) {
                return true;
            }
            walked += table.sizes[index];
            leftOut += table.sizes[index];
            if (settled && opened != Opened.FLUX) {
                damages.add(table.structures[index], table.regionOf(index), describe(index) + " " + opened.clause);
            }
        }
        leave();
        return false;
    }

    /** Goes to a span. If it is good, a block is to be chosen next. */
    private Opened enter(int index) {
        span = index;
        block = NONE;
        blocks = 0;
        return open(index);
    }

    /** Is at no span any more. */
    private void leave() {
        span = NONE;
        block = NONE;
        blocks = 0;
    }

    /**
     * Leaves out the chosen block, which is none.
     *
     * @param reason a clause whose subject is the block
     */
    protected final void leaveOut(String reason) {
        leftOut += stride;
        tell(first + block * stride, stride, reason);
    }

    /**
     * Tells of damage at a block.
     *
     * @param at its target address
     * @param bytes its size
     * @param reason a clause whose subject is the block
     */
    protected final void tell(long at, long bytes, String reason) {
        if (settled) {
            damages.add(at, table.regionOf(span), "the block of %d bytes at 0x%x %s".formatted(bytes, at, reason));
        }
    }

    /**
     * {@inheritDoc} By the spans that were known when the heap was located. A walk is to begin anew behind it.
     */
    @Override
    public final boolean find(long wanted) {
        if (closed) {
            throw new IllegalStateException("the cursor is closed: it finds nothing any more");
        }
        long now = target.moment();
        boolean same = now != 0 && now == moment;
        if (!same) {
            moment = now;
            forget();
        }
        int found = table.at(wanted);
        // One often asks for several blocks of a span, which is known then.
        if (found >= 0 && (same && found == span || enter(found) == Opened.GOOD)) {
            block = blockAt(wanted);
            if (block >= 0 && block < blocks) {
                aim(block);
                if (look()) {
                    return true;
                }
            }
        }
        leave();
        return false;
    }

    @Override
    public final void close() {
        if (!closed) {
            closed = true;
            leave();
            release();
        }
    }

    @Override
    public final long walkedBytes() {
        return walked;
    }

    @Override
    public final long totalBytes() {
        return total;
    }

    @Override
    public final long leftOutBytes() {
        return leftOut;
    }

    @Override
    public final List<Damage> damage() {
        return damages.list();
    }

    @Override
    public final long address() {
        return address;
    }

    @Override
    public final long size() {
        return size;
    }

    @Override
    public long usableSize() {
        return usable;
    }

    @Override
    public final BlockState state() {
        return states.state(state);
    }

    @Override
    public final int nameIndex() {
        return state;
    }

    @Override
    public final String name() {
        return states.names().get(state);
    }

    @Override
    public final int region() {
        return table.regionOf(span);
    }

    @Override
    public boolean ownMapping() {
        return false;
    }

    @Override
    public final String toString() {
        return span < 0 ? "at no block" : Block.describe(this);
    }
}
