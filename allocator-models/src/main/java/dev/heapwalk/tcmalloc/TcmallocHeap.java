// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.CacheTable;
import dev.heapwalk.allocator.Located;
import dev.heapwalk.allocator.LocatedHeap;
import dev.heapwalk.heap.Table;
import dev.heapwalk.memory.Target;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The heap of one copy of gperftools' tcmalloc in one target, as it was when it was located. Objects of spans, blocks
 * of whole pages, what threads and the transfer cache keep, free pages, and the memory that tcmalloc has for itself.
 *
 * <p>Finding it needs no symbols, no version and no file on disk. A library that programs are run with and one that is
 * linked into a program are found alike. Google's own tcmalloc is another allocator.
 */
// What it has of its base is public, and needs no look at the base itself.
@SuppressWarnings("exports")
public final class TcmallocHeap extends LocatedHeap<TcmallocHeap> {
    private final HeapMap map;
    private final List<ThreadCache> caches;
    private final CentralCache central;
    private final PageHeapTable pageHeap;

    TcmallocHeap(Discovery discovery, HeapMap map, List<ThreadCache> caches, CentralCache central, Located located) {
        super(TcmallocHeap.class, discovery, located, TcmallocState.STATES);
        this.map = map;
        this.caches = List.copyOf(caches);
        this.central = central;
        this.pageHeap = PageHeapTable.of(firstRegion(), map.table());
    }

    /**
     * Whether a target has a module that seems to have a tcmalloc: by what it exports, or by a text that names it in
     * one with variables large enough for its page map.
     *
     * @param target an open target
     * @return whether it is worth a {@link #locate}
     */
    public static boolean isLikely(Target target) {
        return !TcmallocModule.of(target).isEmpty();
    }

    /**
     * Finds the heap of a target: of several, that of the module that comes first.
     *
     * @param target an open target; it must stay open while the heap is used
     * @return the heap
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no tcmalloc of gperftools in the target, or
     *     none of a version that is known
     */
    public static TcmallocHeap locate(Target target) {
        return locateAll(target).getFirst();
    }

    /**
     * Finds the heaps of all copies of tcmalloc that a target has: a library may have brought one along for itself.
     *
     * @param target an open target; it must stay open while the heaps are used
     * @return at least one heap, in the order of their modules
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no tcmalloc of gperftools in the target, or
     *     none of a version that is known
     */
    public static List<TcmallocHeap> locateAll(Target target) {
        return Copies.locate(target);
    }

    HeapMap map() {
        return map;
    }

    /** All that the spans have. */
    long systemBytes() {
        return pageHeap.systemBytes();
    }

    @Override
    public Optional<String> knownAs() {
        return Optional.of("tcmalloc in " + module());
    }

    /**
     * The size classes.
     *
     * @return an unmodifiable list, by their numbers
     */
    public List<SizeClass> sizeClasses() {
        return map.classes().list();
    }

    /**
     * The caches of threads.
     *
     * @return an unmodifiable list
     */
    public List<ThreadCache> threadCaches() {
        return caches;
    }

    @Override
    public TcmallocCursor blocks() {
        return new TcmallocCursor(this, -1);
    }

    /**
     * {@inheritDoc}
     *
     * @param region 0: there is one page heap
     */
    @Override
    public TcmallocCursor blocks(int region) {
        return new TcmallocCursor(this, Objects.checkIndex(region, 1));
    }

    /**
     * {@inheritDoc} The page heap, of which there is one.
     */
    @Override
    public Table regions() {
        return pageHeap;
    }

    /**
     * {@inheritDoc} What the central cache has of each size class, free in spans and in its transfer cache.
     */
    @Override
    public Table freeLists() {
        return central;
    }

    /**
     * {@inheritDoc} The thread caches.
     */
    @Override
    public Table caches() {
        return new CacheTable("Class", caches.stream().map(ThreadCache::row).toList());
    }
}
