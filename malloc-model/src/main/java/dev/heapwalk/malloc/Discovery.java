// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.DamageList;
import dev.heapwalk.heap.Source;
import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Finds the heap of one C library in a target, step by step, and keeps what each conclusion rests on. What symbols say
 * is held against what the structures show. {@link Libraries} takes the steps, since some of them need what was found
 * for the other libraries.
 */
final class Discovery {
    private static final long USER_SPACE = 1L << 56;
    private static final int MOST_CHECKED = 64;
    /** The variables of a C library take less than this. */
    private static final long LARGEST_DATA = 1L << 20;
    /** Pages without rights in a heap of mappings are looked over up to this size, in bytes. */
    private static final long LARGEST_HOLE = 1 << 20;

    private final Target target;
    private final boolean symbols;
    private final Tools tools;
    private final Reader reader;
    private final ArenaFinder finder;
    private final LibcModule libc;
    /** The same in all looks at one library. */
    private final Object identity;

    private final Findings findings = new Findings();
    private final DamageList damage = findings.damage();

    // What is found, in this order.
    private CurrentMappings mappings;
    private ArenaFinder.Found main;
    private final List<ArenaFinder.Found> otherMains = new ArrayList<>();
    private List<MallocLayout> layouts;
    private Set<Long> ring;
    private ParFinder.Found par;
    private OptionalLong parSymbol;
    private String nothing = "";
    private ThreadHeaps threadHeaps;
    private Map<Long, List<Range>> scanned = Map.of();
    private final Map<Long, List<MallocArena.Region>> heaps = new LinkedHashMap<>();
    private final List<MallocArena> arenas = new ArrayList<>();
    private KnownCaches knownCaches;
    private WalkPlan plan;
    private FreeChunks knownFree;

    Discovery(Target target, boolean symbols, Tools tools, LibcModule libc) {
        this(target, symbols, tools, libc, new Object());
    }

    private Discovery(Target target, boolean symbols, Tools tools, LibcModule libc, Object identity) {
        this.target = target;
        this.symbols = symbols;
        this.tools = tools;
        this.reader = tools.reader();
        this.finder = new ArenaFinder(target.memory(), reader);
        this.libc = libc;
        this.identity = identity;
    }

    /**
     * Another look, which takes over what can't change as long as a process lives, where the C library and its static
     * variables are, and what is quicker to check than to find.
     */
    Discovery again() {
        Discovery now = new Discovery(target, symbols, tools, libc, identity);
        now.main = main;
        now.par = par;
        now.parSymbol = parSymbol;
        now.knownCaches = knownCaches;
        now.plan = plan;
        now.knownFree = knownFree;
        return now;
    }

    /** The discovery of what belongs to a {@code main_arena} that this one met beside its own. */
    private Discovery ofOther(ArenaFinder.Found other) {
        Discovery one = new Discovery(target, symbols, tools, libc);
        one.main = other;
        return one;
    }

    boolean sameLibrary(Discovery other) {
        return identity == other.identity;
    }

    LibcModule libc() {
        return libc;
    }

    /**
     * Finds {@code main_arena}, the ring of arenas, and {@code mp_}.
     *
     * @return whether malloc has memory; if not, {@link #nothing(MallocHeap.Place)} tells of that
     * @throws UnsupportedTargetException if there is no such arena
     */
    boolean findArenas(CurrentMappings current) {
        mappings = current;
        findings.say(
                "libc",
                libc.name()
                        + libc.version().map(version -> ", glibc " + version).orElse(""),
                (libc.module().isEmpty()
                                ? "no module is the C library, so every writable mapping is searched"
                                : "module name")
                        + libc.hint()
                                .map(hint -> "; version from " + hint.what() + ", as a hint")
                                .orElse(""),
                sourcesOfLibrary());
        libc.others()
                .forEach(other -> findings.say(
                        "other allocator",
                        other,
                        "its chunks are not glibc's; what glibc's malloc itself has is listed",
                        Set.of(Source.MODULE)));
        if (!findMainAgain()) {
            findMain();
        }
        if (!main.initialised()) {
            nothing = "malloc was never called: main_arena is as the program file has it";
            return false;
        }
        layouts = libc.layouts().stream()
                .filter(layout -> layout.state().equals(main.state()))
                .toList();
        if (layouts.isEmpty()) {
            throw unsupported("main_arena of %s is of no version that has such a library".formatted(libc.name()));
        }
        ring = ring();
        filterByHeapInfo(ring);
        findParameters();
        if (state(main.address()).systemMem() == 0
                && ring.size() == 1
                && (par == null || parameters().sbrkBase() == 0 && parameters().nMmaps() == 0)) {
            nothing = "malloc has no memory: system_mem is 0 and there is no other arena";
            return false;
        }
        return true;
    }

    /** Those of the arenas that {@link #findArenas} met beside the main one which are main arenas themselves. */
    List<Discovery> others() {
        return otherMains.stream().map(this::ofOther).toList();
    }

    Set<Long> arenaRing() {
        return ring;
    }

    /** Where {@code main_arena} lies. */
    Range mainArena() {
        return new Range(main.address(), main.address() + main.state().size());
    }

    /**
     * What tells that a run is the main arena's.
     *
     * @param cached whether to look at the caches of threads for it
     */
    MainRuns.Owner owner(boolean cached) {
        return new MainRuns.Owner(
                mainArena(),
                state(main.address()).top(),
                cached
                        ? TcacheFinder.cachedBlocks(target, reader, libc, libc.hinted(layouts))
                        : Collections.emptyNavigableSet());
    }

    /**
     * Finds the heaps of threads.
     *
     * @param foreign the arenas of other C libraries
     */
    void findThreadHeaps(Set<Long> foreign) {
        threadHeaps = new ThreadHeaps(
                mappings,
                tools.touched(),
                reader,
                finder,
                main,
                ring,
                par == null ? 0 : parameters().hugePageSize(),
                damage);
        scanned = threadHeaps.scan(ring, foreign);
        for (long arena : ring) {
            if (arena != main.address()) {
                heaps.put(
                        arena,
                        threadHeaps.of(
                                arena,
                                scanned.getOrDefault(arena, List.of()),
                                layouts.getLast().heapInfoSize()));
            }
        }
    }

    /** The memory of the heaps of threads, after {@link #findThreadHeaps}. */
    List<Range> threadHeapClaims() {
        return heaps.values().stream().flatMap(List::stream).map(this::claim).toList();
    }

    private Range claim(MallocArena.Region heap) {
        long size = heap.end() - heap.heapInfo();
        long accessible = Structures.heapInfo(reader, heap.heapInfo()).mprotectSize();
        // One that is damaged must not claim what is not the heap's.
        return new Range(
                heap.heapInfo(),
                heap.heapInfo() + (accessible > size && accessible <= threadHeaps.max() ? accessible : size));
    }

    /**
     * Finds the runs of the main arena, and makes up the arenas.
     *
     * @param claimed memory that belongs to something else
     * @param foreignMains the main arenas of other C libraries whose runs lie in mappings, too
     */
    void findMainHeap(List<Range> claimed, List<MainRuns.Owner> foreignMains) {
        arenas.add(arena(0, main.address(), MallocArena.Kind.MAIN, mainRegions(claimed, foreignMains)));
        List<MallocArena.Region> taken = new ArrayList<>(arenas.getFirst().regions());
        heaps.forEach((address, regions) -> arenas.add(
                arena(arenas.size(), address, MallocArena.Kind.THREAD, threadHeaps.disjoint(address, regions, taken))));
        findings.say(
                "arenas",
                arenas.size() == 1
                        ? "main_arena alone"
                        : arenas.size() + " arenas, "
                                + Findings.counted(
                                        arenas.stream()
                                                .mapToInt(one -> one.regions().size())
                                                .sum(),
                                        "run") + " of chunks",
                (main.ringClosed() ? "the ring of next pointers closes" : "the ring of next pointers is broken")
                        + (scanned.isEmpty() && heaps.isEmpty()
                                ? "; no heap_info header is at a multiple of %d MiB".formatted(threadHeaps.max() >> 20)
                                : "; heap_info headers at multiples of %d MiB name %s"
                                        .formatted(
                                                threadHeaps.max() >> 20,
                                                scanned.keySet().equals(heaps.keySet()) ? "the same" : "others")));
    }

    /** The memory of the main heap, after {@link #findMainHeap}. */
    List<Range> mainHeapClaims() {
        return arenas.getFirst().regions().stream()
                .map(region -> new Range(region.start(), region.end()))
                .toList();
    }

    /** How many chunks {@code mp_} counts that have a mapping of their own, -1 if it is not known. */
    long expectedMmaps() {
        return par == null ? -1 : parameters().nMmaps();
    }

    /** How many bytes {@code mp_} counts for these, -1 if it is not known. */
    long expectedMmapBytes() {
        return par == null ? -1 : parameters().mmappedMem();
    }

    /** How many bytes of such a mapping lie behind the chunk. */
    long mmapTail() {
        return layouts.getLast().mmapTail();
    }

    /**
     * Finds what lies in lists, and makes up the heap.
     *
     * @param mine the chunks with mappings of their own
     * @param mmapped how sure it is that these are all
     * @param how how they were found
     * @param place who asks for the heap, and its place among others
     */
    MallocHeap heap(List<MmapHeaders.Chunk> mine, MmappedChunks mmapped, String how, MallocHeap.Place place) {
        findings.say(
                "mmapped chunks",
                "%s, %d bytes: %s"
                        .formatted(
                                Findings.counted(mmapped.count(), "chunk"),
                                mmapped.bytes(),
                                mmapped.confidence().name().toLowerCase(java.util.Locale.ROOT)),
                how
                        + (par == null || mmapped.expectedCount() == 0
                                ? ""
                                : "; mp_ counts %d, %d bytes"
                                        .formatted(mmapped.expectedCount(), mmapped.expectedBytes())));

        if (plan == null || !plan.isOf(arenas, mine)) {
            plan = WalkPlan.of(
                    arenas,
                    mine.stream().mapToLong(MmapHeaders.Chunk::chunk).toArray(),
                    mine.stream().mapToLong(MmapHeaders.Chunk::end).toArray());
        }
        ThreadCaches caches = new ThreadCaches(
                target,
                tools,
                libc,
                symbols,
                layouts,
                par == null ? -1 : parameters().tcacheCount(),
                arenas,
                plan,
                knownCaches,
                findings);
        MallocLayout layout = caches.find();
        knownCaches = caches.known();
        // There are millions in a large heap: of a process that runs on they are collected in room that is kept.
        FreeChunks free = target.runsOn() ? tools.free() : new FreeChunks();
        for (MallocArena arena : arenas) {
            new FreeLists(reader, layout, plan)
                    .fastbins(
                            arena,
                            (chunk, size) -> free.add(chunk, FreeChunks.FASTBIN),
                            (address, reason) -> damage.add(address, arena.index(), reason));
        }
        caches.list()
                .forEach(cache ->
                        cache.bins().forEach(bin -> bin.chunks().forEach(chunk -> free.add(chunk, FreeChunks.TCACHE))));
        free.sort();
        knownFree = target.runsOn() ? free.kept(knownFree) : free;
        if (layout.mayCheck() && caches.list().isEmpty() && checks(layout)) {
            layout = layout.withChecking();
        }
        if (layout.checking()) {
            findings.say("checking", "MALLOC_CHECK_ or glibc.malloc.check", "the ends of blocks say how long they are");
        }
        return new MallocHeap(
                place,
                this,
                target,
                tools,
                layout,
                findings.evidence(),
                libc.others(),
                caches.withThreads(arenas),
                par == null ? OptionalLong.empty() : OptionalLong.of(par.address()),
                caches.list(),
                mmapped,
                plan,
                knownFree,
                busy(arenas),
                damage);
    }

    /** Whether blocks end as where malloc checks them: all of the first ones do. */
    private boolean checks(MallocLayout layout) {
        OptionalLong hook = symbols ? libc.symbol("__malloc_hook") : OptionalLong.empty();
        if (hook.isPresent() && reader.readLong(hook.getAsLong(), 0) == 0) {
            return false;
        }
        CheckedSizes sizes = new CheckedSizes(reader);
        int seen = 0;
        try (ChunkCursor chunk = new ChunkCursor(target.memory(), plan, knownFree, layout, new BitSet())) {
            while (seen < MOST_CHECKED && chunk.next()) {
                if (chunk.state() == ChunkState.USED) {
                    if (sizes.of(chunk.address(), chunk.usableSize()) < 0) {
                        return false;
                    }
                    seen++;
                }
            }
        }
        return seen > 0;
    }

    /** The arenas whose lock is held: a thread stands inside malloc, and what it is at may be half done. */
    private BitSet busy(List<MallocArena> arenas) {
        BitSet busy = new BitSet();
        arenas.stream().filter(arena -> state(arena.address()).mutex() != 0).forEach(arena -> busy.set(arena.index()));
        return busy;
    }

    private MallocState state(long arena) {
        return Structures.arena(reader, arena, main.state());
    }

    private MallocPar parameters() {
        return Structures.parameters(reader, par.address(), par.par());
    }

    private UnsupportedTargetException unsupported(String found) {
        return Libraries.unsupported(target, found);
    }

    /**
     * A heap without arenas.
     *
     * @throws UnsupportedTargetException if the program allocates with something else
     */
    MallocHeap nothing(MallocHeap.Place place) {
        if (!libc.others().isEmpty()) {
            throw unsupported("it allocates with %s, and glibc's own malloc is unused%s"
                    .formatted(String.join(", ", libc.others()), OwnStatistics.of(libc.others())));
        }
        return without(nothing, place);
    }

    /** The heap of a library that is no longer loaded. */
    MallocHeap gone(MallocHeap.Place place) {
        return without("its C library is no longer there", place);
    }

    private MallocHeap without(String why, MallocHeap.Place place) {
        findings.say("arenas", "none", why);
        MallocLayout layout = layouts == null || layouts.isEmpty() ? MallocLayout.ALL.getLast() : libc.hinted(layouts);
        return new MallocHeap(
                place,
                this,
                target,
                tools,
                layout,
                findings.evidence(),
                libc.others(),
                List.of(),
                OptionalLong.empty(),
                List.of(),
                new MmappedChunks(0, 0, 0, 0, MmappedChunks.Confidence.EXACT),
                new WalkPlan(List.of()),
                sorted(),
                new BitSet(),
                damage);
    }

    private static FreeChunks sorted() {
        FreeChunks free = new FreeChunks();
        free.sort();
        return free;
    }

    // ---- main_arena

    private Set<Source> sourcesOfLibrary() {
        Set<Source> sources = EnumSet.noneOf(Source.class);
        if (libc.module().isPresent()) {
            sources.add(Source.MODULE);
        }
        libc.hint().ifPresent(hint -> sources.add(hint.source()));
        return sources;
    }

    /** Whether an arena is still recognised where there was one before. */
    private boolean findMainAgain() {
        ArenaFinder.Found again = main == null || !main.initialised()
                ? null
                : finder.known(main.address()).orElse(null);
        if (again != null) {
            main = again;
            findings.say(
                    "main_arena",
                    "0x%x".formatted(main.address()),
                    "still where it was before",
                    Set.of(Source.EARLIER, Source.STRUCTURE));
        }
        return again != null;
    }

    private void findMain() {
        long symbol = symbols ? libc.symbol("main_arena").orElse(0) : 0;
        List<ArenaFinder.Found> others = new ArrayList<>();
        ArenaFinder.Found byStructure = byStructure(others, false);
        ArenaFinder.Found bySymbol = symbol == 0 ? null : finder.known(symbol).orElse(null);
        if (bySymbol != null && (byStructure == null || byStructure.address() != symbol)) {
            damage.add(
                    symbol,
                    0,
                    byStructure == null
                            ? "main_arena is where its symbol says, but too damaged to be told by its structure"
                            : "the symbol main_arena says 0x%x, the structure says 0x%x"
                                    .formatted(symbol, byStructure.address()));
        }
        main = bySymbol != null ? bySymbol : byStructure;
        if (main == null && libc.module().isPresent()) {
            // It must be there. Of one that changes while it is read, more lists may seem damaged than are whole.
            main = byStructure(others, true);
        }
        if (main == null) {
            main = finder.untouched(libc.module().isEmpty() ? List.of() : libc.ranges(), symbol)
                    .orElse(null);
        }
        if (main == null) {
            throw unsupported(
                    !libc.others().isEmpty()
                            ? "it allocates with " + String.join(", ", libc.others()) + OwnStatistics.of(libc.others())
                            : libc.module().isPresent()
                                    ? "no main_arena was recognised in the data of %s".formatted(libc.name())
                                    : "none of its modules is glibc, and nothing in its writable memory looks like main_arena");
        }
        List<String> basis = new ArrayList<>();
        Set<Source> sources = EnumSet.of(Source.STRUCTURE);
        if (bySymbol != null || symbol == main.address()) {
            basis.add("symbol main_arena");
            sources.add(Source.SYMBOL);
        }
        if (main.initialised()) {
            basis.add("127 list heads: %d empty, %d with chunks, %d damaged"
                    .formatted(main.emptyBins(), 127 - main.emptyBins() - main.brokenBins(), main.brokenBins()));
            basis.add(main.ringClosed() ? "its ring closes" : "its ring does not close");
        } else {
            basis.add("all zero but for next, which points to itself");
        }
        if (libc.relocated(main.address() + main.state().next())) {
            basis.add("the dynamic linker relocates its next");
            sources.add(Source.RELOCATION);
        }
        findings.say("main_arena", "0x%x".formatted(main.address()), String.join("; ", basis), sources);
        for (ArenaFinder.Found other : others) {
            if (other.initialised()
                    && other.ringClosed()
                    && state(other.address()).systemMem() > 0) {
                otherMains.add(other);
            }
            findings.say("another main_arena", "0x%x".formatted(other.address()), "looks like one too");
        }
    }

    /**
     * The arena in the variables of the C library that looks most like its main one.
     *
     * @param others receives what looks like one, too
     * @param changing whether most of the lists may seem damaged
     * @return it, or null if there is none
     */
    private ArenaFinder.Found byStructure(List<ArenaFinder.Found> others, boolean changing) {
        ArenaFinder.Found byStructure = null;
        for (Range range : libc.ranges()) {
            for (ArenaFinder.Found found : finder.scan(List.of(range), changing)) {
                ArenaFinder.Found mainOf = mainOf(found);
                if (mainOf == null || byStructure != null && mainOf.address() == byStructure.address()) {
                    continue;
                }
                // List heads look like list heads also when seen one place further on.
                boolean overlaps = byStructure != null
                        && Math.abs(mainOf.address() - byStructure.address())
                                < mainOf.state().size();
                if (byStructure == null || mainOf.better(byStructure)) {
                    if (byStructure != null && !overlaps) {
                        others.add(byStructure);
                    }
                    byStructure = mainOf;
                } else if (!overlaps) {
                    others.add(mainOf);
                }
            }
            // What comes next is large, and no data of a library.
            if (byStructure != null
                    && byStructure.ringClosed()
                    && libc.module().isEmpty()
                    && range.length() > LARGEST_DATA) {
                break;
            }
        }
        return byStructure;
    }

    /** The main arena of the ring that an arena belongs to: the member that is not in a thread's heap. */
    private ArenaFinder.Found mainOf(ArenaFinder.Found found) {
        if (finder.heapInfoSize(found.address()) == 0) {
            return finder.shifted(found) ? null : found;
        }
        Set<Long> members = new LinkedHashSet<>();
        finder.ring(found.address(), found.state(), members);
        for (long member : members) {
            if (finder.heapInfoSize(member) == 0) {
                return finder.known(member).orElse(null);
            }
        }
        return null;
    }

    // ---- arenas

    private Set<Long> ring() {
        Set<Long> members = new LinkedHashSet<>();
        if (!finder.ring(main.address(), main.state(), members)) {
            long last = members.isEmpty()
                    ? main.address()
                    : members.stream().reduce((a, b) -> b).orElseThrow();
            damage.add(
                    last + main.state().next(),
                    members.size() - 1,
                    "the ring of arenas does not close: next of the arena at 0x%x is 0x%x"
                            .formatted(last, state(last).next()));
        }
        members.add(main.address());
        return members;
    }

    private void filterByHeapInfo(Set<Long> ring) {
        Set<Long> sizes = ring.stream()
                .filter(arena -> arena != main.address())
                .map(finder::heapInfoSize)
                .filter(size -> size > 0)
                .collect(Collectors.toSet());
        if (sizes.size() == 1) {
            keep(layouts.stream()
                    .filter(layout -> sizes.contains(layout.heapInfoSize()))
                    .toList());
            findings.say(
                    "heap_info",
                    "%d bytes".formatted(sizes.iterator().next()),
                    "arenas lie that far behind their heaps");
        }
    }

    private void keep(List<MallocLayout> some) {
        if (!some.isEmpty()) {
            layouts = some;
        }
    }

    // ---- mp_

    private long topEnd() {
        long top = state(main.address()).top();
        long size = Structures.sizeWord(reader, top) & ~MallocChunk.SIZE_BITS;
        return size >= MallocChunk.HEADER && size < USER_SPACE ? top + size : 0;
    }

    /** Whether the main arena has memory that {@code brk} did not give. */
    boolean noncontiguous() {
        return state(main.address()).noncontiguous();
    }

    private void findParameters() {
        long system = state(main.address()).systemMem();
        long expected = noncontiguous() ? -1 : system == 0 ? 0 : topEnd() == 0 ? -1 : topEnd() - system;
        ParFinder parameters = new ParFinder(target.memory(), reader);
        Set<MallocLayout.Par> possible =
                layouts.stream().map(MallocLayout::par).collect(Collectors.toCollection(LinkedHashSet::new));
        Optional<ParFinder.Found> byStructure = par == null
                ? parameters.scan(nearMain(), possible, expected)
                : parameters.at(par.address(), possible, expected);
        if (parSymbol == null) {
            parSymbol = symbols ? libc.symbol("mp_") : OptionalLong.empty();
        }
        OptionalLong symbol = parSymbol;
        Optional<ParFinder.Found> bySymbol =
                symbol.isPresent() ? parameters.at(symbol.getAsLong(), possible, expected) : Optional.empty();
        if (bySymbol.isPresent()
                && byStructure.isPresent()
                && byStructure.get().address() != bySymbol.get().address()) {
            damage.add(
                    symbol.getAsLong(),
                    -1,
                    "the symbol mp_ says 0x%x, the structure says 0x%x"
                            .formatted(symbol.getAsLong(), byStructure.get().address()));
        }
        par = bySymbol.or(() -> byStructure).orElse(null);
        if (par == null) {
            findings.say("mp_", "not found", "nothing near main_arena has fitting counts and parameters", Set.of());
            return;
        }
        MallocLayout.Par layout = par.par();
        keep(layouts.stream().filter(one -> one.par().equals(layout)).toList());
        findings.say(
                "mp_",
                "0x%x".formatted(par.address()),
                (bySymbol.isPresent() ? "symbol mp_; " : "")
                        + (par.baseAgrees()
                                ? "sbrk_base is where top and system_mem say the heap begins; "
                                : "sbrk_base has nothing to confirm it; ")
                        + "counts and parameters fit (n_mmaps %d)"
                                .formatted(parameters().nMmaps()),
                bySymbol.isPresent() ? Set.of(Source.SYMBOL, Source.STRUCTURE) : Set.of(Source.STRUCTURE));
    }

    /** The ranges to look for {@code mp_} in: the C library's data, or the mapping that holds {@code main_arena}. */
    private List<Range> nearMain() {
        if (libc.module().isPresent()) {
            return libc.ranges();
        }
        List<Range> near = new ArrayList<>(libc.ranges().stream()
                .filter(range -> main.address() >= range.start() && main.address() < range.end())
                .toList());
        // .data and .bss are neighbours, but may be mappings of their own.
        for (Range range : libc.ranges()) {
            boolean close = Math.abs(range.start() - main.address()) < 4 << 20;
            if (close && !near.contains(range)) {
                near.add(range);
            }
        }
        return near;
    }

    // ---- memory

    private MallocArena arena(int index, long address, MallocArena.Kind kind, List<MallocArena.Region> regions) {
        MallocState state = state(address);
        long system = state.systemMem();
        if (kind == MallocArena.Kind.THREAD) {
            long sum = regions.stream()
                    .mapToLong(region -> region.end() - region.heapInfo())
                    .sum();
            if (sum != system) {
                damage.add(address, index, "system_mem is %d, but the heaps have %d bytes".formatted(system, sum));
            }
        }
        return new MallocArena(
                index,
                address,
                kind,
                regions,
                system,
                state.maxSystemMem(),
                state.top(),
                state.attachedThreads(),
                List.of());
    }

    // ---- runs of the main arena

    private List<MallocArena.Region> mainRegions(List<Range> claimed, List<MainRuns.Owner> foreignMains) {
        MallocState state = state(main.address());
        long system = state.systemMem();
        long top = state.top();
        long base = par == null ? 0 : parameters().sbrkBase();
        if (system == 0) {
            findings.say("main heap", "none", "system_mem of main_arena is 0");
            return List.of();
        }
        if (noncontiguous()) {
            List<Range> heap = new ArrayList<>();
            List<Mapping> list = new ArrayList<>();
            for (Mapping mapping : mappings) {
                // Behind a program's .bss without a gap, the heap may look like a part of the program. Where brk failed
                // from the beginning, sbrk_base is the first mapping, and later ones lie below it.
                if (mapping.path().equals("[heap]")) {
                    // Pages without rights split it into several.
                    boolean goesOn = !heap.isEmpty() && heap.getLast().end() == mapping.start();
                    long start = goesOn ? heap.removeLast().start() : mapping.start();
                    heap.add(new Range(start, mapping.end()));
                } else if (mapping.contains(base)) {
                    heap.add(new Range(base, mapping.end()));
                    list.add(below(mapping, base));
                } else {
                    list.add(withHoles(mapping));
                }
            }
            List<Range> mapped = MmapFinder.unclaimed(list, claimed, target.pageSize());
            MainRuns runs = new MainRuns(
                    tools,
                    target.pageSize(),
                    layouts.getLast().mmapTail(),
                    system,
                    owner(!foreignMains.isEmpty()),
                    foreignMains);
            tools.runs().begins(base);
            List<MallocArena.Region> regions =
                    runs.find(MmapFinder.without(heap, claimed, target.pageSize()), mapped, base);
            tools.runs().begins(0);
            if (!runs.complete()) {
                damage.add(
                        main.address() + main.state().systemMem(),
                        0,
                        "system_mem is %d, but runs of %d bytes were found".formatted(system, runs.accounted()));
            }
            findings.say(
                    "main heap",
                    "%s, %d of %d bytes".formatted(Findings.counted(regions.size(), "run"), runs.accounted(), system),
                    "not contiguous (flag NONCONTIGUOUS): chains of sound chunks that end in fenceposts or top");
            return regions;
        }
        long end = topEnd();
        if (base == 0 && end != 0) {
            base = end - system;
        }
        if (end == 0 && top - base > 0 && top - base < system && !mappings.readable(top, MallocChunk.HEADER)) {
            // The program took the right to read away from the page that the header of top lies on.
            end = base + system;
        }
        if (end == 0 || end - base != system) {
            damage.add(
                    top,
                    0,
                    "top ends at 0x%x, but sbrk_base 0x%x and system_mem 0x%x say 0x%x"
                            .formatted(end, base, system, base + system));
            long byMapping = mappings.at(base).map(Mapping::end).orElse(0L);
            boolean endGood = end != 0 && end > base && mapped(base, end);
            boolean systemGood = mapped(base, base + system);
            end = endGood && end == byMapping || endGood && !systemGood ? end : systemGood ? base + system : byMapping;
        }
        if (end <= base || !(end - base == system ? mappings.at(base).isPresent() : mapped(base, end))) {
            long readable = mappings.at(base).map(Mapping::end).orElse(base);
            damage.add(base, 0, "the main heap 0x%x to 0x%x is not mapped as a whole".formatted(base, end));
            end = Math.max(base, Math.min(end, readable));
        }
        findings.say(
                "main heap",
                "0x%x to 0x%x".formatted(base, end),
                "contiguous: "
                        + (par == null
                                ? "end of top less system_mem"
                                : "sbrk_base to the end of top, system_mem agrees"));
        long start = base + 15 & ~15L;
        return end - start < MallocChunk.MIN_SIZE ? List.of() : List.of(new MallocArena.Region(start, end, 0));
    }

    /**
     * Whether a range is mapped at both ends, and nothing of a file in between: programs may protect pages of it, or
     * keep them from their children.
     */
    private boolean mapped(long from, long to) {
        if (to <= from || mappings.at(from).isEmpty() || mappings.at(to - 1).isEmpty()) {
            return false;
        }
        for (Mapping mapping : mappings) {
            if (mapping.end() > from && mapping.start() < to && !mapping.anonymous()) {
                return false;
            }
        }
        return true;
    }

    /** The part of a mapping that lies below an address in it. */
    private static Mapping below(Mapping mapping, long address) {
        return new Mapping(
                mapping.start(),
                address,
                mapping.readable(),
                mapping.writable(),
                mapping.executable(),
                mapping.shared(),
                mapping.fileOffset(),
                mapping.path());
    }

    /** A mapping as it was before the program took the rights to it away, if it may have been a part of the heap. */
    private static Mapping withHoles(Mapping mapping) {
        return mapping.readable() || !mapping.anonymous() || mapping.end() - mapping.start() > LARGEST_HOLE
                ? mapping
                : new Mapping(
                        mapping.start(),
                        mapping.end(),
                        true,
                        true,
                        false,
                        mapping.shared(),
                        mapping.fileOffset(),
                        mapping.path());
    }
}
