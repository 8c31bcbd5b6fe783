// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.allocator.Located;
import dev.heapwalk.allocator.LocatedHeap;
import dev.heapwalk.heap.Table;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import java.util.List;
import java.util.Objects;

/**
 * The heap of musl's malloc in one target, as it was when it was located: mallocng, which musl has since 1.2.1. Each slot
 * of each group, with just the size that was asked for, those that are free, and the areas that musl has for itself.
 *
 * <p>Finding it needs no symbols, no version and no file on disk. A program with musl in itself is read as one that
 * loads musl as a library.
 */
// What it has of its base is public, and needs no look at the base itself.
@SuppressWarnings("exports")
public final class MuslHeap extends LocatedHeap<MuslHeap> {
    private final GroupTable table;
    private final ContextTable context;

    MuslHeap(Discovery discovery, GroupTable table, ContextTable context, Located located) {
        super(MuslHeap.class, discovery, located, MuslState.STATES);
        this.table = table;
        this.context = context;
    }

    /**
     * Whether a target has musl's library, or variables that lead to areas of metas and no other C library.
     *
     * @param target an open target
     * @return whether it is worth a {@link #locate}
     */
    public static boolean isLikely(Target target) {
        return Discovery.isLikely(target);
    }

    /**
     * Finds the heap of a target.
     *
     * @param target an open target; it must stay open while the heap is used
     * @return the heap
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no musl in the target, or one that is older
     *     than 1.2.1
     */
    public static MuslHeap locate(Target target) {
        return locateAll(target).getFirst();
    }

    /**
     * Finds the heaps of all copies of musl that a target has. Programs have one.
     *
     * @param target an open target; it must stay open while the heaps are used
     * @return at least one heap, in the order of their modules
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no musl in the target, or one that is older
     *     than 1.2.1
     */
    public static List<MuslHeap> locateAll(Target target) {
        return Discovery.locate(target);
    }

    /**
     * Tells which threads are inside malloc.
     *
     * @param target an open target
     * @return what is asked after a stop
     */
    public static Rest rest(Target target) {
        return new MuslRest(MuslModule.of(target));
    }

    GroupTable table() {
        return table;
    }

    /**
     * Where the structure is that has all of the heap.
     *
     * @return target address of its {@link MallocContext}
     */
    public long context() {
        return context.address();
    }

    @Override
    public MuslCursor blocks() {
        return new MuslCursor(this, -1);
    }

    /**
     * {@inheritDoc}
     *
     * @param region 0: there is one context
     */
    @Override
    public MuslCursor blocks(int region) {
        return new MuslCursor(this, Objects.checkIndex(region, 1));
    }

    /**
     * {@inheritDoc} The context, of which there is one.
     */
    @Override
    public Table regions() {
        return context;
    }

    /**
     * {@inheritDoc} The free slots of each size.
     */
    @Override
    public Table freeLists() {
        return table.free(firstRegion());
    }
}
