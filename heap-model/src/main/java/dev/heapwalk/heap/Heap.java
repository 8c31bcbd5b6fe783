// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

import dev.heapwalk.heap.residency.Reclaimable;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Residency;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import java.util.List;
import java.util.Optional;

/**
 * What one allocator or runtime manages in one target, as it was when it was located. Any thread may use it; cursors
 * and look-ups that it makes belong to one thread each.
 *
 * <p>A new kind of heap is a class of this kind and a {@link HeapProvider} that finds it.
 */
public interface Heap {

    /**
     * The target that the heap lies in. It must stay open while the heap is used.
     *
     * @return the target that it was located in
     */
    Target target();

    /**
     * What it is, for messages. Of several heaps of a kind in one target each has its own name.
     *
     * @return for example {@code glibc's malloc}
     */
    String name();

    /**
     * Where it has its memory from.
     *
     * @return the layer
     */
    HeapLayer layer();

    /**
     * Walks all blocks in address order, used or not.
     *
     * @return a new cursor, for one thread
     */
    BlockCursor blocks();

    /**
     * Walks all blocks of one region in address order.
     *
     * @param region the number of a row of {@link #regions()}
     * @return a new cursor, for one thread
     * @throws IndexOutOfBoundsException if there is no such region
     */
    BlockCursor blocks(int region);

    /**
     * Finds blocks by addresses in them. The first one may walk the heap once, to know where to begin; what it finds is
     * kept with the heap. In a process that {@linkplain Target#runsOn() runs on} each look reads memory again. The
     * ranges of the heap stay those of the time when it was located, and the places to begin at those of the first
     * look: where blocks were merged since, one may be shown as it was before. After a {@code refresh()} of the heap it
     * is not.
     *
     * @return a new look-up, for one thread
     */
    BlockLookup lookup();

    /**
     * The block that an address lies in, at its start or inside. Who asks often is faster with a {@link #lookup()} of
     * its own.
     *
     * @param address any target address
     * @return the block, empty if the address lies in none
     */
    default Optional<Block> blockAt(long address) {
        try (BlockLookup lookup = lookup()) {
            return lookup.find(address) ? Optional.of(Block.of(lookup)) : Optional.empty();
        }
    }

    /**
     * What its blocks refer to, where it knows that of itself: a runtime does, an allocator has no idea.
     *
     * @return a new source, for one thread; empty if it does not know
     */
    default Optional<EdgeSource> edges() {
        return Optional.empty();
    }

    /**
     * What keeps its blocks alive without being one of them, where it knows that of itself.
     *
     * @return a new source, for one thread; empty if it does not know
     */
    default Optional<RootSource> roots() {
        return Optional.empty();
    }

    /**
     * Whether a used block of another heap is memory of this one, such as a page of a language's heap in a block of
     * {@code malloc}. Asked for each used block of a walk, so it must be quick.
     *
     * @param outer a used block of another heap
     * @return whether all of it belongs to this heap, whose own blocks are to be told in its place
     */
    default boolean manages(BlockView outer) {
        return false;
    }

    /**
     * Whether a used block of its own is its own bookkeeping, which lasts as long as the heap itself and holds no
     * block of the program: the head and the free slots of a page.
     *
     * @param block a used block of this heap, of a cursor or a look-up of its own
     * @return whether it is
     */
    default boolean isOwn(BlockView block) {
        return false;
    }

    /**
     * Memory outside of its pages that it keeps its own books in, such as the heads of lists of free blocks. Words there
     * may look like pointers into blocks that are in use, and keep none alive.
     *
     * @return an unmodifiable list of ranges of target addresses
     */
    default List<Range> bookkeeping() {
        return List.of();
    }

    /**
     * Its own names for what blocks are held for.
     *
     * @return an unmodifiable list, the same each time, in the order in which tables show them
     */
    List<String> names();

    /**
     * The regions that its blocks lie in: arenas, shards, pages.
     *
     * @return a row for each, in the order of their numbers; the title of the first column, which has the number, is
     *     what such a region is called
     */
    Table regions();

    /**
     * What is added to the number of a region where heaps of a kind are shown together, so that no two regions have the
     * same: how many regions the heaps of this kind before it have. The first column of {@link #regions()} shows the
     * sum.
     *
     * @return 0 for the first heap of a kind
     */
    default int firstRegion() {
        return 0;
    }

    /**
     * The lists of free blocks that its regions have.
     *
     * @return a row for each list that has a block, no columns if there are no such lists
     */
    default Table freeLists() {
        return Table.EMPTY;
    }

    /**
     * The caches of free blocks that threads or processors have.
     *
     * @return a row for each list of each cache, no columns if there are no caches
     */
    default Table caches() {
        return Table.EMPTY;
    }

    /**
     * What the allocator would give back to the kernel if the program asked it to, such as by {@code malloc_trim(0)}.
     * Nothing is called in the target.
     *
     * @param residency what is in memory of the target, which stands still, in the same stop
     * @return a part for each region, in the order of their numbers; none where that is not known
     */
    default List<Reclaimable> reclaimable(Residency residency) {
        return List.of();
    }

    /**
     * What it is set to, as far as that decides what it keeps of freed memory. Read from the target now.
     *
     * @return the settings; none where there are none, or they are not known
     */
    default List<Setting> settings() {
        return List.of();
    }

    /**
     * What the conclusions about it rest on, in the order in which they were drawn.
     *
     * @return an unmodifiable list
     */
    List<Evidence> evidence();

    /**
     * What was found to be damaged, or could not be read, while the heap was located or its tables were made. A cursor
     * has its own list of what it met.
     *
     * @return an unmodifiable list, as it is now
     */
    List<Damage> damage();

    /**
     * The other allocators that it has come upon in the target, whose blocks are not its own. Where no heap of the
     * target is {@linkplain #knownAs() known as} one of them, {@link Heaps#notices()} says that its blocks are missing.
     *
     * @return for each its name and the file that has it, such as {@code jemalloc in libjemalloc.so.2}
     */
    default List<String> otherAllocators() {
        return List.of();
    }

    /**
     * What a heap of another kind calls it among its {@link #otherAllocators()}.
     *
     * @return such as {@code jemalloc in libjemalloc.so.2}; empty if no other heap comes upon it
     */
    default Optional<String> knownAs() {
        return Optional.empty();
    }

    /**
     * What is worth knowing about it, such as a part of it that is not listed.
     *
     * @return a line each, for a person
     */
    default List<String> notices() {
        return List.of();
    }

    /**
     * What is missing from its blocks by what the allocator itself counts, or can't be confirmed.
     *
     * @return a line each, for a person; empty if all is there
     */
    default List<String> missing() {
        return List.of();
    }

    /**
     * Tells whether it is halfway through a change that takes long, such as a garbage collection, so that a process is
     * stopped when it is not: {@link Target#stop(Rest, java.time.Duration)}. What its provider tells of short ones,
     * {@link HeapProvider#rest}, is for a process that is stopped already.
     *
     * @return what is asked before and after a stop; that it is always at rest, unless it knows better
     */
    default Rest rest() {
        return Rest.ALWAYS;
    }

    /**
     * Finds the heap of a process that runs on as it is now. Cheaper than to locate it by far, since what can't change
     * is only looked at again; for profilers, at each sample.
     *
     * @return the heap as it is now; this one, if the target does not run. This one stays what it was
     * @throws dev.heapwalk.memory.NoSuchProcessException if the process ended
     */
    Heap refresh();
}
