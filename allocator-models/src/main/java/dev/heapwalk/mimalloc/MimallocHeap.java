// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.allocator.Located;
import dev.heapwalk.allocator.LocatedHeap;
import dev.heapwalk.heap.Table;
import dev.heapwalk.memory.Target;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.IntStream;

/**
 * The heap of one copy of mimalloc 2 or 3 in one target, as it was when it was located. Blocks of pages, what was never
 * handed out of them, slices that no page has, and the memory that mimalloc has for itself.
 *
 * <p>Finding it needs no symbols, no version and no file on disk. A library that programs are run with, one that is
 * linked into a program, and the copy that a CPython without its global lock has for itself are found alike.
 *
 * <p>Its regions are the heaps of threads. Pages whose thread ended are one region more.
 */
// What it has of its base is public, and needs no look at the base itself.
@SuppressWarnings("exports")
public final class MimallocHeap extends LocatedHeap<MimallocHeap> {
    private final HeapMap map;
    private final OptionalLong[] threads;
    private final int[] pages;

    MimallocHeap(Discovery discovery, HeapMap map, OptionalLong[] threads, Located located) {
        super(MimallocHeap.class, discovery, located, MimallocState.STATES);
        this.map = map;
        this.threads = threads;
        this.pages = IntStream.range(0, map.table().count())
                .filter(entry -> map.table().kinds[entry] == PageTable.Kind.PAGE)
                .toArray();
    }

    /**
     * Whether a target has a module that seems to have mimalloc: by what it exports, or by what its structures look
     * like.
     *
     * @param target an open target
     * @return whether it is worth a {@link #locate}
     */
    public static boolean isLikely(Target target) {
        return Copies.isLikely(target);
    }

    /**
     * Finds the heap of a target: of several, that of the module that comes first.
     *
     * @param target an open target; it must stay open while the heap is used
     * @return the heap
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no mimalloc in the target, or none of a
     *     version that is known
     */
    public static MimallocHeap locate(Target target) {
        return locateAll(target).getFirst();
    }

    /**
     * Finds the heaps of all copies of mimalloc that a target has: a library may have brought one along for itself.
     *
     * @param target an open target; it must stay open while the heaps are used
     * @return at least one heap, in the order of their modules
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no mimalloc in the target, or none of a
     *     version that is known
     */
    public static List<MimallocHeap> locateAll(Target target) {
        return Copies.locate(target);
    }

    HeapMap map() {
        return map;
    }

    MimallocLayout layout() {
        return map.layout();
    }

    int regionCount() {
        return map.owners().count();
    }

    @Override
    public Optional<String> knownAs() {
        return Optional.of("mimalloc in " + module());
    }

    /**
     * The segments that pages are cut from.
     *
     * @return an unmodifiable list in address order, empty since mimalloc 3
     */
    public List<Segment> segments() {
        return map.segments();
    }

    /**
     * How many pages there are.
     *
     * @return a count
     */
    public int pageCount() {
        return pages.length;
    }

    /**
     * A page.
     *
     * @param page its number in address order, from 0 to {@link #pageCount()}
     * @return the page
     * @throws IndexOutOfBoundsException if there is no such page
     */
    public Page page(int page) {
        int entry = entryOf(page);
        PageTable table = map.table();
        return new Page(
                page,
                table.structures[entry],
                table.starts[entry],
                table.firsts[entry],
                table.end(entry),
                table.blockSizes[entry],
                table.tags[entry] & 0xff,
                table.heaps[entry]);
    }

    int entryOf(int page) {
        return pages[Objects.checkIndex(page, pages.length)];
    }

    /**
     * The page that an address lies in.
     *
     * @param address any target address
     * @return the number of the page, -1 if it lies in none
     */
    public int pageAt(long address) {
        int entry = map.table().at(address);
        return entry < 0 ? -1 : Math.max(-1, Arrays.binarySearch(pages, entry));
    }

    /**
     * The thread that has a heap.
     *
     * @param region the number of a row of {@link #regions()}
     * @return the thread's id; empty if it ended, or is not known
     */
    public OptionalLong thread(int region) {
        return threads[region];
    }

    @Override
    public MimallocCursor blocks() {
        return new MimallocCursor(this, -1);
    }

    /**
     * {@inheritDoc}
     *
     * @param region the number of a thread's heap
     */
    @Override
    public MimallocCursor blocks(int region) {
        return new MimallocCursor(this, Objects.checkIndex(region, map.owners().count()));
    }

    /**
     * {@inheritDoc} The heaps of threads.
     */
    @Override
    public Table regions() {
        return new HeapTable(map.owners(), threads, firstRegion());
    }

    /**
     * {@inheritDoc} The sizes of which a heap has free blocks in its pages.
     */
    @Override
    public Table freeLists() {
        return map.table().freeLists(firstRegion());
    }
}
