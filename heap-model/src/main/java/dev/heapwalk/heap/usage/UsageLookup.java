// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.LayerLookup;
import dev.heapwalk.memory.Target;
import java.util.List;

/** Finds the block that an address lies in, and what it is used for. A flyweight, for one thread. */
public final class UsageLookup implements BlockLookup, Categorized {
    private static final long BUDGET = 16L << 20;

    private final Uses uses;
    private final LayerLookup lookup;
    private final Target target;
    /** The moment that what was read before belongs to. */
    private long moment;

    private UsageLookup(Uses uses, LayerLookup lookup) {
        this.uses = uses;
        this.lookup = lookup;
        this.target = uses.heaps().target();
        this.moment = target.moment();
    }

    /**
     * Looks through all heaps of a target, and asks the categorizers that there are.
     *
     * @param heaps the heaps
     * @return a new look-up
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no heap
     */
    public static UsageLookup over(Heaps heaps) {
        return over(heaps, UsageCursor.providers());
    }

    /**
     * Looks through all heaps of a target, and asks categorizers of one's own.
     *
     * @param heaps the heaps
     * @param categorizers what is asked, in this order
     * @return a new look-up
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no heap
     */
    public static UsageLookup over(Heaps heaps, List<? extends CategorizerProvider> categorizers) {
        return new UsageLookup(
                new Uses(heaps, categorizers, heaps.target().memory().cache(BUDGET)), heaps.lookup());
    }

    @Override
    public boolean find(long address) {
        long now = target.moment();
        if (now == 0 || now != moment) {
            moment = now;
            uses.forget();
        }
        return lookup.find(address);
    }

    @Override
    public void close() {
        lookup.close();
        uses.close();
    }

    /**
     * What the block is used for. The first question makes the categorizers ready, which may walk a runtime's blocks;
     * what they have learned then is kept, also of a process that runs on.
     *
     * @return the category; {@link Category#NONE} for a block that is not used, unless its heap has a word for that
     */
    @Override
    public Category category() {
        if (lookup.state() == BlockState.USED) {
            return uses.of(lookup.current());
        }
        return lookup.current() instanceof Categorized own ? own.category() : Category.NONE;
    }

    /**
     * The heap that the block belongs to.
     *
     * @return the heap
     */
    public Heap heap() {
        return lookup.heap();
    }

    @Override
    public long address() {
        return lookup.address();
    }

    @Override
    public long size() {
        return lookup.size();
    }

    @Override
    public long usableSize() {
        return lookup.usableSize();
    }

    @Override
    public BlockState state() {
        return lookup.state();
    }

    @Override
    public int nameIndex() {
        return lookup.nameIndex();
    }

    @Override
    public String name() {
        return lookup.name();
    }

    @Override
    public int region() {
        return lookup.region();
    }

    @Override
    public boolean ownMapping() {
        return lookup.ownMapping();
    }

    @Override
    public String toString() {
        return Block.describe(lookup) + " of " + heap().name();
    }
}
