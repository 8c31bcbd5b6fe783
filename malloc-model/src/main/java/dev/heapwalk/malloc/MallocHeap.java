// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.Setting;
import dev.heapwalk.heap.Table;
import dev.heapwalk.heap.residency.Reclaimable;
import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Residency;
import dev.heapwalk.memory.Target;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * The heap of glibc's malloc in one target, as it was when it was located.
 *
 * <p>Finding it needs no debug symbols, no version and no file on disk; symbols are used where there are some, and what
 * they say is checked against the structures themselves.
 */
public final class MallocHeap implements Heap {
    private static final List<String> NAMES =
            Stream.of(ChunkState.values()).map(ChunkState::name).toList();
    /** The most memory that a look-up keeps, in bytes. */
    private static final long LOOKUP_BUDGET = 16L << 20;

    private final Place place;
    private final Discovery discovery;
    private final Target target;
    private final Tools tools;
    private final MallocLayout layout;
    private final List<Evidence> evidence;
    private final List<String> others;
    private final List<MallocArena> arenas;
    private final OptionalLong parameters;
    private final List<ThreadCache> threadCaches;
    /** Ascending. */
    private final long[] cacheAddresses;

    private final MmappedChunks mmapped;
    private final WalkPlan plan;
    private final FreeChunks free;
    private final BitSet busy;
    private final DamageList damage;
    private ChunkIndex index;
    private MallocLookup shared;

    /**
     * Where a heap stands among those of one target.
     *
     * @param libraries what found all of them
     * @param library the C library that it belongs to, empty where there is only one
     * @param firstRegion how many arenas those before it have
     */
    record Place(Libraries libraries, String library, int firstRegion) {}

    MallocHeap(
            Place place,
            Discovery discovery,
            Target target,
            Tools tools,
            MallocLayout layout,
            List<Evidence> evidence,
            List<String> others,
            List<MallocArena> arenas,
            OptionalLong parameters,
            List<ThreadCache> threadCaches,
            MmappedChunks mmapped,
            WalkPlan plan,
            FreeChunks free,
            BitSet busy,
            DamageList damage) {
        this.place = place;
        this.discovery = discovery;
        this.target = target;
        this.tools = tools;
        this.layout = layout;
        this.evidence = List.copyOf(evidence);
        this.others = List.copyOf(others);
        this.arenas = List.copyOf(arenas);
        this.parameters = parameters;
        this.threadCaches = List.copyOf(threadCaches);
        this.cacheAddresses =
                threadCaches.stream().mapToLong(ThreadCache::address).sorted().toArray();
        this.mmapped = mmapped;
        this.plan = plan;
        this.free = free;
        this.busy = busy;
        this.damage = damage;
    }

    /** Whether symbols may be used for the discovery. */
    public enum Symbols {
        /** Use them where there are some, and check them. */
        USE,
        /** Find everything by structure, as for a stripped target. */
        IGNORE
    }

    /**
     * Finds the heap of a target: of several, that of the program's own C library.
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
        return locateAll(target, symbols).getFirst();
    }

    /**
     * Finds the heaps of all C libraries that a target has loaded. There is a second one where {@code dlmopen} or
     * {@code LD_AUDIT} brought one along, and {@code libc_malloc_debug.so} has a malloc of its own.
     *
     * @param target an open target; it must stay open while the heaps are used
     * @return the heaps that have an arena, the program's own first; one without arenas if the process has not
     *     allocated yet
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no glibc malloc in the target
     */
    public static List<MallocHeap> locateAll(Target target) {
        return locateAll(target, Symbols.USE);
    }

    /**
     * Finds the heaps of all C libraries that a target has loaded.
     *
     * @param target an open target; it must stay open while the heaps are used
     * @param symbols whether to use symbols
     * @return the heaps
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no glibc malloc in the target
     */
    public static List<MallocHeap> locateAll(Target target, Symbols symbols) {
        return new Libraries(target, symbols == Symbols.USE).locate();
    }

    /**
     * Finds the heap of a process that runs on as it is now. Cheaper than {@link #locate(Target)} by far, since what
     * can't change (the C library, where its static variables are) is only looked at again, and with the same buffers;
     * for profilers, at each sample. Cursors are kept too: {@link ChunkCursor#rewind(MallocHeap)}.
     *
     * @return a new heap; this one, if the target does not run. This one stays what it was
     * @throws dev.heapwalk.memory.NoSuchProcessException if the process ended
     */
    @Override
    public MallocHeap refresh() {
        return target.runsOn() ? place.libraries().refreshed(discovery) : this;
    }

    /**
     * Finds the heaps of all C libraries of a process that runs on as they are now, also of one that was loaded since.
     *
     * @return new heaps, as {@link #locateAll(Target)}; the same ones, if the target does not run
     * @throws dev.heapwalk.memory.NoSuchProcessException if the process ended
     */
    public List<MallocHeap> refreshAll() {
        return target.runsOn()
                ? place.libraries().refresh().heaps()
                : place.libraries().heaps();
    }

    /** Whether this is the heap of the same C library as an earlier look found. */
    boolean isOf(Discovery before) {
        return discovery.sameLibrary(before);
    }

    /**
     * The C library that the heap belongs to, where a target has several.
     *
     * @return the name of its file, and its namespace if that is not the program's own; empty where there is only one
     */
    public String library() {
        return place.library();
    }

    @Override
    public int firstRegion() {
        return place.firstRegion();
    }

    /**
     * The target that the heap lies in.
     *
     * @return the target that was given to {@link #locate(Target)}
     */
    @Override
    public Target target() {
        return target;
    }

    /** The layout that memory showed, which every view of this heap is read with. */
    MallocLayout layout() {
        return layout;
    }

    /**
     * Takes apart a link of a fastbin or of a thread cache, which glibc mangles with its own address since 2.32
     * (Safe-Linking).
     *
     * @param field target address of the link: {@code fd} of a chunk in a fastbin, {@code next} of one in a cache
     * @param stored the word there
     * @return the target address that it stands for; {@code stored} itself where links are not mangled
     */
    public long reveal(long field, long stored) {
        return layout.reveal(field, stored);
    }

    /**
     * What the conclusions rest on, in the order in which they were drawn.
     *
     * @return an unmodifiable list
     */
    @Override
    public List<Evidence> evidence() {
        return evidence;
    }

    /**
     * The other allocators that the target has, whose chunks are not glibc's and not listed.
     *
     * @return for each its name and the file that has it, such as {@code jemalloc in libjemalloc.so.2}
     */
    @Override
    public List<String> otherAllocators() {
        return others;
    }

    /**
     * The arenas, the main arena first, then along the ring.
     *
     * @return an unmodifiable list; empty if nothing was ever allocated
     */
    public List<MallocArena> arenas() {
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
     * Counts what the bins of an arena hold, by walking their lists. Damage that it meets joins {@link #damage()}.
     *
     * @param arena one of {@link #arenas()}
     * @return the bins that hold a chunk: fastbins, unsorted, small, large
     */
    public List<Bin> bins(MallocArena arena) {
        synchronized (tools) {
            FreeLists lists = new FreeLists(tools.reader(), layout, plan);
            FreeLists.Fault fault = (address, reason) -> damage.add(address, arena.index(), reason);
            // What is wrong with a fastbin was noted when the heap was located.
            List<Bin> bins = new ArrayList<>(lists.fastbins(arena, (chunk, size) -> {}, (address, reason) -> {}));
            bins.addAll(lists.bins(arena, (chunk, size) -> {}, fault));
            return List.copyOf(bins);
        }
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

    /** Rewinds a cursor over every chunk. */
    void aim(ChunkCursor cursor) {
        cursor.rewind(target.memory(), plan, free, layout, busy);
    }

    /**
     * Walks every chunk of one arena in address order.
     *
     * @param arena one of {@link #arenas()}
     * @return a new cursor, for one thread
     */
    public ChunkCursor chunks(MallocArena arena) {
        return new ChunkCursor(
                target.memory(), WalkPlan.of(List.of(arena), new long[0], new long[0]), free, layout, busy);
    }

    /**
     * What was found to be damaged, or could not be read, while the heap was located: rings, lists, caches. A cursor
     * has its own list of what it met.
     *
     * @return an unmodifiable list, as it is now
     */
    @Override
    public List<Damage> damage() {
        return damage.list();
    }

    @Override
    public String name() {
        return "glibc's malloc" + (library().isEmpty() ? "" : " in " + library());
    }

    @Override
    public HeapLayer layer() {
        return HeapLayer.ALLOCATOR;
    }

    /** {@inheritDoc} The caches of threads. */
    @Override
    public boolean isOwn(BlockView block) {
        return Arrays.binarySearch(cacheAddresses, block.address()) >= 0;
    }

    /** The states of arenas, and malloc's parameters. */
    @Override
    public List<Range> bookkeeping() {
        List<Range> books = new ArrayList<>();
        for (MallocArena arena : arenas) {
            books.add(
                    new Range(arena.address(), arena.address() + layout.state().size()));
        }
        parameters.ifPresent(
                address -> books.add(new Range(address, address + layout.par().size())));
        return List.copyOf(books);
    }

    @Override
    public List<String> names() {
        return NAMES;
    }

    /**
     * {@inheritDoc} {@link #chunks()} with the vocabulary of all heaps. Chunks that are cached are those of fastbins
     * and thread caches, and top is reserved.
     */
    @Override
    public BlockCursor blocks() {
        return new ChunkBlocks(this, chunks(), -1);
    }

    /**
     * {@inheritDoc}
     *
     * @param region the index of an arena
     */
    @Override
    public BlockCursor blocks(int region) {
        return new ChunkBlocks(this, chunks(arenas.get(region)), region);
    }

    /**
     * Holds the free chunks of a walk that is at its end against the bins, and says what does not agree. Says nothing
     * of a process that runs on, where a thread is inside an arena, or where damage was met already.
     *
     * @param region the arena that was walked, -1 for all
     */
    List<Damage> compareBins(ChunkCursor walked, int region) {
        if (target.runsOn()
                || !busy.isEmpty()
                || walked.leftOutBytes() != 0
                || !walked.damage().isEmpty()) {
            return List.of();
        }
        List<MallocArena> some = region < 0 ? arenas : List.of(arenas.get(region));
        synchronized (tools) {
            FreeLists lists = new FreeLists(tools.reader(), layout, plan);
            long forward = walked.forwardLinks();
            long backward = walked.backwardLinks();
            for (MallocArena arena : some) {
                forward += lists.headLinks(arena, true);
                backward += lists.headLinks(arena, false);
            }
            if (forward == 0 && backward == 0 && walked.skipLinks() == 0) {
                return List.of();
            }
            List<Damage> found = new ArrayList<>();
            for (MallocArena arena : some) {
                lists.bins(
                        arena,
                        (chunk, size) -> {},
                        (address, reason) -> found.add(new Damage(address, arena.index(), reason)));
            }
            return found.isEmpty()
                    ? List.of(new Damage(
                            some.getFirst().address(),
                            -1,
                            forward == 0 && backward == 0
                                    ? "links to the next size (fd_nextsize, bk_nextsize) of a bin don't agree"
                                    : "chunks are free that are in no bin, or in two of them"))
                    : List.copyOf(found);
        }
    }

    @Override
    public BlockLookup lookup() {
        return newLookup();
    }

    private MallocLookup newLookup() {
        return new MallocLookup(
                new ChunkCursor(target.memory(), target.memory().cache(LOOKUP_BUDGET), plan, free, layout, busy),
                plan,
                index(),
                target);
    }

    private synchronized ChunkIndex index() {
        if (index == null) {
            try (ChunkCursor all = chunks()) {
                index = ChunkIndex.of(all, plan);
            }
        }
        return index;
    }

    @Override
    public synchronized Optional<Block> blockAt(long address) {
        if (shared == null) {
            shared = newLookup();
        }
        return shared.find(address) ? Optional.of(Block.of(shared)) : Optional.empty();
    }

    /**
     * {@inheritDoc} The arenas.
     */
    @Override
    public Table regions() {
        return MallocTables.arenas(arenas, place);
    }

    /**
     * {@inheritDoc} The bins.
     */
    @Override
    public Table freeLists() {
        return MallocTables.bins(
                arenas.stream().flatMap(arena -> bins(arena).stream()).toList(), place);
    }

    /**
     * {@inheritDoc} The thread caches.
     */
    @Override
    public Table caches() {
        return MallocTables.caches(threadCaches, place);
    }

    /**
     * {@inheritDoc} By {@code malloc_trim(0)}, as {@link Trim} forecasts it: a part for each arena.
     */
    @Override
    public List<Reclaimable> reclaimable(Residency residency) {
        return new Trim(this, residency).forecast();
    }

    /**
     * {@inheritDoc} The thresholds of {@link MallocPar}.
     */
    @Override
    public List<Setting> settings() {
        return parameters.isEmpty() ? List.of() : MallocSettings.of(this);
    }

    @Override
    public List<String> notices() {
        // They are about all of them.
        return place.libraries().heaps().getFirst() == this
                ? List.copyOf(place.libraries().notices())
                : List.of();
    }

    /**
     * {@inheritDoc} The chunks that were mapped on their own are looked for among all mappings, and nothing but
     * malloc's own counts tells that one of them was not in a core.
     */
    @Override
    public List<String> missing() {
        if (mmapped.confidence() != MmappedChunks.Confidence.UNCONFIRMED) {
            return List.of();
        }
        return List.of(
                mmapped.expectedCount() >= 0
                        ? "mmapped chunks: malloc counts %,d with %,d bytes, found %,d with %,d bytes"
                                .formatted(
                                        mmapped.expectedCount(),
                                        mmapped.expectedBytes(),
                                        mmapped.count(),
                                        mmapped.bytes())
                        : "mmapped chunks: malloc's own count of them was not found, so nothing confirms the %,d found"
                                .formatted(mmapped.count()));
    }

    @Override
    public String toString() {
        return "%s in %s".formatted(name(), target.description());
    }
}
