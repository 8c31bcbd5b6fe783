// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.OptionalLong;

/**
 * The heap of glibc's malloc in one target, as it was when it was located.
 *
 * <p>Finding it needs no debug symbols, no version and no file on disk; symbols are used where there are some, and what
 * they say is checked against the structures themselves.
 */
public final class MallocHeap {
    /** The subject of the evidence for each other allocator. */
    static final String OTHER_ALLOCATOR = "other allocator";

    private final Discovery discovery;
    private final Target target;
    private final Reader reader;
    private final MallocLayout layout;
    private final List<Evidence> evidence;
    private final List<Arena> arenas;
    private final OptionalLong parameters;
    private final List<ThreadCache> threadCaches;
    private final MmappedChunks mmapped;
    private final WalkPlan plan;
    private final FreeChunks free;
    private final BitSet busy;
    private final Corruptions corruptions;

    MallocHeap(
            Discovery discovery,
            Target target,
            Reader reader,
            MallocLayout layout,
            List<Evidence> evidence,
            List<Arena> arenas,
            OptionalLong parameters,
            List<ThreadCache> threadCaches,
            MmappedChunks mmapped,
            WalkPlan plan,
            FreeChunks free,
            BitSet busy,
            Corruptions corruptions) {
        this.discovery = discovery;
        this.target = target;
        this.reader = reader;
        this.layout = layout;
        this.evidence = List.copyOf(evidence);
        this.arenas = List.copyOf(arenas);
        this.parameters = parameters;
        this.threadCaches = List.copyOf(threadCaches);
        this.mmapped = mmapped;
        this.plan = plan;
        this.free = free;
        this.busy = busy;
        this.corruptions = corruptions;
    }

    /** Whether symbols may be used for the discovery. */
    public enum Symbols {
        /** Use them where there are some, and check them. */
        USE,
        /** Find everything by structure, as for a stripped target. */
        IGNORE
    }

    /**
     * Finds the heap of a target.
     *
     * @param target an open target; it must stay open while the heap is used
     * @return the heap; one without arenas if the process has not allocated yet
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no glibc malloc in the target; the message
     *     says what was found instead
     */
    public static MallocHeap locate(Target target) {
        return locate(target, Symbols.USE);
    }

    /**
     * Finds the heap of a target.
     *
     * @param target an open target; it must stay open while the heap is used
     * @param symbols whether to use symbols
     * @return the heap
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no glibc malloc in the target
     */
    public static MallocHeap locate(Target target, Symbols symbols) {
        return new Discovery(target, symbols == Symbols.USE).locate();
    }

    /**
     * Finds the heap of a process that runs on as it is now. Cheaper than {@link #locate(Target)} by far, since what
     * can't change (the C library, where its static variables are) is only looked at again; for profilers, at each
     * sample.
     *
     * @return a new heap; this one stays what it was
     * @throws dev.heapwalk.memory.NoSuchProcessException if the process ended
     */
    public MallocHeap refresh() {
        return target.runsOn() ? discovery.refresh() : this;
    }

    /**
     * The target that the heap lies in.
     *
     * @return the target that was given to {@link #locate(Target)}
     */
    public Target target() {
        return target;
    }

    /**
     * The layout that memory showed.
     *
     * @return the layout that every view of this heap is read with
     */
    public MallocLayout layout() {
        return layout;
    }

    /**
     * What the conclusions rest on, in the order in which they were drawn.
     *
     * @return an unmodifiable list
     */
    public List<Evidence> evidence() {
        return evidence;
    }

    /**
     * The other allocators that the target has, whose chunks are not glibc's and not listed.
     *
     * @return for each its name and the file that has it, such as {@code jemalloc in libjemalloc.so.2}
     */
    public List<String> otherAllocators() {
        return evidence.stream()
                .filter(one -> one.subject().equals(OTHER_ALLOCATOR))
                .map(Evidence::conclusion)
                .toList();
    }

    /**
     * The arenas, the main arena first, then along the ring.
     *
     * @return an unmodifiable list; empty if nothing was ever allocated
     */
    public List<Arena> arenas() {
        return arenas;
    }

    /**
     * Where malloc's parameters and counts lie. C name {@code mp_}.
     *
     * @return target address of the {@code malloc_par}, empty if it was not found
     */
    public OptionalLong parameters() {
        return parameters;
    }

    /**
     * Counts what the bins of an arena hold, by walking their lists. Damage that it meets joins {@link #corruptions()}.
     *
     * @param arena one of {@link #arenas()}
     * @return the bins that hold a chunk: fastbins, unsorted, small, large
     */
    public synchronized List<Bin> bins(Arena arena) {
        FreeLists lists = new FreeLists(reader, layout, plan);
        FreeLists.Fault fault = (address, reason) -> corruptions.add(address, arena.index(), reason);
        // What is wrong with a fastbin was noted when the heap was located.
        List<Bin> bins = new ArrayList<>(lists.fastbins(arena, (chunk, size) -> {}, (address, reason) -> {}));
        bins.addAll(lists.bins(arena, (chunk, size) -> {}, fault));
        return List.copyOf(bins);
    }

    /**
     * The thread caches that were found.
     *
     * @return an unmodifiable list
     */
    public List<ThreadCache> threadCaches() {
        return threadCaches;
    }

    /**
     * The chunks that were mapped on their own, and how sure it is that these are all.
     *
     * @return what was found
     */
    public MmappedChunks mmapped() {
        return mmapped;
    }

    /**
     * Walks every chunk of every arena and every mmapped chunk in address order.
     *
     * @return a new cursor, for one thread
     */
    public ChunkCursor chunks() {
        return new ChunkCursor(target.memory(), plan, free, layout, busy);
    }

    /**
     * Walks every chunk of one arena in address order.
     *
     * @param arena one of {@link #arenas()}
     * @return a new cursor, for one thread
     */
    public ChunkCursor chunks(Arena arena) {
        return new ChunkCursor(
                target.memory(), WalkPlan.of(List.of(arena), new long[0], new long[0]), free, layout, busy);
    }

    /**
     * What was found to be damaged, or could not be read, while the heap was located: rings, lists, caches. A cursor
     * has its own list of what it met.
     *
     * @return an unmodifiable list, as it is now
     */
    public List<Corruption> corruptions() {
        return corruptions.list();
    }
}
