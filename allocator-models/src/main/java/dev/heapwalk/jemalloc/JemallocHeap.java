// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.CacheTable;
import dev.heapwalk.allocator.Located;
import dev.heapwalk.allocator.LocatedHeap;
import dev.heapwalk.heap.Table;
import dev.heapwalk.jemalloc.layout.JemallocLayout;
import dev.heapwalk.memory.Target;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;

/**
 * The heap of one copy of jemalloc 5 in one target, as it was when it was located. Regions of slabs and large blocks,
 * what threads keep in their caches, free pages, and the memory that jemalloc has for itself.
 *
 * <p>Finding it needs no symbols, no version and no file on disk. A library that programs are run with, one that is
 * linked into a program, and one whose functions have a prefix are found alike.
 */
// What it has of its base is public, and needs no look at the base itself.
@SuppressWarnings("exports")
public final class JemallocHeap extends LocatedHeap<JemallocHeap> {
    private final HeapMap map;
    private final List<Tcache> caches;
    private final Arenas arenas;

    JemallocHeap(
            Discovery discovery,
            HeapMap map,
            List<Tcache> caches,
            SortedMap<Integer, Arenas.Arena> structures,
            Located located) {
        super(JemallocHeap.class, discovery, located, JemallocState.STATES);
        this.map = map;
        this.caches = List.copyOf(caches);
        this.arenas = new Arenas(map, firstRegion(), structures);
    }

    /**
     * Whether a target has a module that seems to have jemalloc: by what it exports, or by a text that names its
     * version in one with variables large enough for its tree.
     *
     * @param target an open target
     * @return whether it is worth a {@link #locate}
     */
    public static boolean isLikely(Target target) {
        return !JemallocModule.of(target).isEmpty();
    }

    /**
     * Finds the heap of a target: of several, that of the module that comes first.
     *
     * @param target an open target; it must stay open while the heap is used
     * @return the heap
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no jemalloc in the target, or none of a
     *     version that is known
     */
    public static JemallocHeap locate(Target target) {
        return locateAll(target).getFirst();
    }

    /**
     * Finds the heaps of all copies of jemalloc that a target has: a library may have brought one along for itself.
     *
     * @param target an open target; it must stay open while the heaps are used
     * @return at least one heap, in the order of their modules
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no jemalloc in the target, or none of a
     *     version that is known
     */
    public static List<JemallocHeap> locateAll(Target target) {
        return Copies.locate(target);
    }

    HeapMap map() {
        return map;
    }

    JemallocLayout layout() {
        return map.layout();
    }

    int arenaCount() {
        return arenas.count();
    }

    @Override
    public Optional<String> knownAs() {
        return Optional.of("jemalloc in " + module());
    }

    /**
     * The small size classes.
     *
     * @return an unmodifiable list, by the numbers of their bins
     */
    public List<BinInfo> binInfos() {
        return map.classes().binInfos();
    }

    /**
     * The caches of threads.
     *
     * @return an unmodifiable list
     */
    public List<Tcache> threadCaches() {
        return caches;
    }

    @Override
    public JemallocCursor blocks() {
        return new JemallocCursor(this, -1);
    }

    /**
     * {@inheritDoc}
     *
     * @param region the number of an arena
     */
    @Override
    public JemallocCursor blocks(int region) {
        return new JemallocCursor(this, Objects.checkIndex(region, arenas.count()));
    }

    /**
     * {@inheritDoc} The arenas, also those that have nothing.
     */
    @Override
    public Table regions() {
        return arenas;
    }

    /**
     * {@inheritDoc} The bins of each arena that have a free region.
     */
    @Override
    public Table freeLists() {
        return arenas.bins();
    }

    /**
     * {@inheritDoc} The thread caches.
     */
    @Override
    public Table caches() {
        return new CacheTable("Bin", caches.stream().map(Tcache::row).toList());
    }
}
