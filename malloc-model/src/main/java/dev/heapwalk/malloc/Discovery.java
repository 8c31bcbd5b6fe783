// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.elf.ElfModule.Range;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Finds the heap of one target, step by step, and keeps what each conclusion rests on. What symbols say is held against
 * what the structures show.
 */
final class Discovery {
    private static final long CACHE = 16L << 20;
    private static final long HEAP_MAX = 64L << 20;
    private static final long USER_SPACE = 1L << 56;
    /** Larger heaps are not walked beforehand if the registers told the cache of every thread. */
    private static final long PREWALK = 1L << 30;

    private final Target target;
    private final boolean symbols;
    private final Peek peek;
    private final Mappings mappings;
    private final ArenaFinder finder;
    private final Corruptions corruptions = new Corruptions();
    private final List<Evidence> evidence = new ArrayList<>();

    private LibcModule libc;
    private ArenaFinder.Found main;
    private List<MallocLayout> layouts;
    private ParFinder.Found par;
    private long heapMax = HEAP_MAX;

    Discovery(Target target, boolean symbols) {
        this.target = target;
        this.symbols = symbols;
        this.peek = new Peek(target.memory(), CACHE);
        this.mappings = target.memory().mappings();
        this.finder = new ArenaFinder(target.memory(), peek);
    }

    MallocHeap locate() {
        Machine machine = target.machine();
        if (machine.wordSize() != 8) {
            throw unsupported("its program is 32-bit (%s)".formatted(machine.label()));
        }
        if (machine != Machine.X86_64 && machine != Machine.AARCH64) {
            throw unsupported("its program is for " + machine.label());
        }
        libc = LibcModule.of(target, symbols);
        if (libc.foreign().isPresent()) {
            throw unsupported("it is " + libc.foreign().get());
        }
        say("libc", libc.name() + libc.version().map(version -> ", glibc " + version).orElse(""),
                libc.module().isEmpty()
                        ? "no module is the C library, so every writable mapping is searched"
                        : libc.version().isPresent() ? "module name; version from its banner, as a hint" : "module name");
        libc.others().forEach(other -> say(MallocHeap.OTHER_ALLOCATOR, other,
                "its chunks are not glibc's; what glibc's malloc itself has is listed"));
        findMain();
        if (!main.initialised()) {
            return nothing("malloc was never called: main_arena is as the program file has it");
        }
        layouts = MallocLayout.ALL.stream()
                .filter(layout -> layout.state().equals(main.state()))
                .toList();
        Set<Long> ring = ring();
        filterByHeapInfo(ring);
        findParameters();
        if (state(main.address()).systemMem() == 0 && ring.size() == 1
                && (par == null || parameters().sbrkBase() == 0 && parameters().nMmaps() == 0)) {
            return nothing("malloc has no memory: system_mem is 0 and there is no other arena");
        }
        chooseHeapMax(ring);
        Map<Long, List<Range>> scanned = scanHeaps(ring);
        Map<Long, List<Arena.Region>> heaps = new LinkedHashMap<>();
        for (long arena : ring) {
            if (arena != main.address()) {
                heaps.put(arena, heapsOf(arena, scanned.getOrDefault(arena, List.of())));
            }
        }
        List<Arena> arenas = new ArrayList<>();
        List<Range> claimed = claimed(heaps);
        arenas.add(arena(0, main.address(), Arena.Kind.MAIN, mainRegions(claimed)));
        List<Arena.Region> taken = new ArrayList<>(arenas.getFirst().regions());
        heaps.forEach((address, regions) -> arenas.add(
                arena(arenas.size(), address, Arena.Kind.THREAD, disjoint(address, regions, taken))));
        say("arenas", arenas.size() == 1 ? "main_arena alone" : arenas.size() + " arenas, "
                        + counted(arenas.stream().mapToInt(one -> one.regions().size()).sum(), "run") + " of chunks",
                (main.ringClosed() ? "the ring of next pointers closes" : "the ring of next pointers is broken")
                        + (scanned.isEmpty() && heaps.isEmpty()
                                ? "; no heap_info header is at a multiple of %d MiB".formatted(heapMax >> 20)
                                : "; heap_info headers at multiples of %d MiB name %s".formatted(
                                        heapMax >> 20, scanned.keySet().equals(heaps.keySet()) ? "the same" : "others")));

        arenas.getFirst().regions().forEach(region -> claimed.add(new Range(region.start(), region.end())));
        MmapFinder mmaps = new MmapFinder(target.memory(), peek, target.pageSize(), layouts.getLast().mmapTail(),
                par == null ? -1 : parameters().nMmaps(), par == null ? -1 : parameters().mmappedMem());
        MmappedChunks mmapped = mmaps.search(MmapFinder.unclaimed(mappings, claimed, target.pageSize()));
        say("mmapped chunks", "%s, %d bytes: %s".formatted(counted(mmapped.count(), "chunk"), mmapped.bytes(),
                        mmapped.confidence().name().toLowerCase(java.util.Locale.ROOT)),
                mmaps.how() + (par == null || mmapped.expectedCount() == 0 ? "" : "; mp_ counts %d, %d bytes".formatted(
                        mmapped.expectedCount(), mmapped.expectedBytes())));

        WalkPlan plan = WalkPlan.of(arenas, mmaps.starts(), mmaps.ends());
        Caches caches = new Caches(arenas, plan);
        MallocLayout layout = caches.find();
        FreeChunks free = new FreeChunks();
        for (Arena arena : arenas) {
            new FreeLists(peek, layout, plan).fastbins(arena, (chunk, size) -> free.add(chunk, FreeChunks.FASTBIN),
                    (address, reason) -> corruptions.add(address, arena.index(), reason));
        }
        caches.threadCaches.forEach(cache -> cache.bins()
                .forEach(bin -> bin.chunks().forEach(chunk -> free.add(chunk, FreeChunks.TCACHE))));
        free.sort();
        return new MallocHeap(target, peek, layout, evidence, caches.withThreads(arenas),
                par == null ? OptionalLong.empty() : OptionalLong.of(par.address()),
                caches.threadCaches, mmapped, plan, free, busy(arenas), corruptions);
    }

    /** The arenas whose lock is held: a thread stands inside malloc, and what it is at may be half done. */
    private BitSet busy(List<Arena> arenas) {
        BitSet busy = new BitSet();
        arenas.stream().filter(arena -> state(arena.address()).mutex() != 0).forEach(arena -> busy.set(arena.index()));
        return busy;
    }

    private void say(String subject, String conclusion, String basis) {
        evidence.add(new Evidence(subject, conclusion, basis));
    }

    private static String counted(long count, String noun) {
        return count + " " + noun + (count == 1 ? "" : "s");
    }

    private long word(long address) {
        return peek.word(address, 0);
    }

    private MallocState state(long arena) {
        return peek.arena(arena, main.state());
    }

    private MallocPar parameters() {
        return peek.parameters(par.address(), par.par());
    }

    private UnsupportedTargetException unsupported(String found) {
        return new UnsupportedTargetException(
                "no glibc malloc in %s: %s. Supported are 64-bit little-endian programs on glibc 2.12 to 2.43"
                        .formatted(target.description(), found));
    }

    private MallocHeap nothing(String why) {
        if (!libc.others().isEmpty()) {
            throw unsupported("it allocates with %s, and glibc's own malloc is unused"
                    .formatted(String.join(", ", libc.others())));
        }
        say("arenas", "none", why);
        MallocLayout layout = layouts == null || layouts.isEmpty() ? MallocLayout.ALL.getLast() : byVersion(layouts);
        return new MallocHeap(target, peek, layout, evidence, List.of(), OptionalLong.empty(), List.of(),
                new MmappedChunks(0, 0, 0, 0, MmappedChunks.Confidence.EXACT),
                new WalkPlan(List.of()), sorted(), new BitSet(), corruptions);
    }

    private static FreeChunks sorted() {
        FreeChunks free = new FreeChunks();
        free.sort();
        return free;
    }

    // ---- main_arena

    private void findMain() {
        long symbol = symbols ? libc.symbol("main_arena").orElse(0) : 0;
        List<ArenaFinder.Found> others = new ArrayList<>();
        ArenaFinder.Found byStructure = null;
        for (Range range : libc.ranges()) {
            for (ArenaFinder.Found found : finder.scan(List.of(range))) {
                ArenaFinder.Found mainOf = mainOf(found);
                if (mainOf == null || byStructure != null && mainOf.address() == byStructure.address()) {
                    continue;
                }
                // List heads look like list heads also when seen one place further on.
                boolean overlaps = byStructure != null
                        && Math.abs(mainOf.address() - byStructure.address()) < mainOf.state().size();
                if (byStructure == null || mainOf.better(byStructure)) {
                    if (byStructure != null && !overlaps) {
                        others.add(byStructure);
                    }
                    byStructure = mainOf;
                } else if (!overlaps) {
                    others.add(mainOf);
                }
            }
            if (byStructure != null && byStructure.ringClosed() && libc.module().isEmpty()) {
                break;
            }
        }
        ArenaFinder.Found bySymbol = symbol == 0 ? null : finder.at(symbol).orElse(null);
        if (bySymbol != null && (byStructure == null || byStructure.address() != symbol)) {
            corruptions.add(symbol, 0, byStructure == null
                    ? "main_arena is where its symbol says, but too damaged to be told by its structure"
                    : "the symbol main_arena says 0x%x, the structure says 0x%x".formatted(symbol, byStructure.address()));
        }
        main = bySymbol != null ? bySymbol : byStructure;
        if (main == null) {
            main = finder.untouched(libc.module().isEmpty() ? List.of() : libc.ranges(), symbol).orElse(null);
        }
        if (main == null) {
            throw unsupported(!libc.others().isEmpty()
                    ? "it allocates with " + String.join(", ", libc.others())
                    : libc.module().isPresent()
                            ? "no main_arena was recognised in the data of %s".formatted(libc.name())
                            : "none of its modules is glibc, and nothing in its writable memory looks like main_arena");
        }
        List<String> basis = new ArrayList<>();
        if (bySymbol != null || symbol == main.address()) {
            basis.add("symbol main_arena");
        }
        if (main.initialised()) {
            basis.add("127 list heads: %d empty, %d with chunks, %d damaged".formatted(
                    main.emptyBins(), 127 - main.emptyBins() - main.brokenBins(), main.brokenBins()));
            basis.add(main.ringClosed() ? "its ring closes" : "its ring does not close");
        } else {
            basis.add("all zero but for next, which points to itself");
        }
        if (libc.relocated(main.address() + main.state().next())) {
            basis.add("the dynamic linker relocates its next");
        }
        say("main_arena", "0x%x".formatted(main.address()), String.join("; ", basis));
        for (ArenaFinder.Found other : others) {
            say("another main_arena", "0x%x".formatted(other.address()),
                    "looks like one too, but has less memory; a second C library? It is left out");
        }
    }

    /** The main arena of the ring that an arena belongs to: the member that is not in a thread's heap. */
    private ArenaFinder.Found mainOf(ArenaFinder.Found found) {
        if (finder.heapInfoSize(found.address()) == 0) {
            return found;
        }
        Set<Long> members = new LinkedHashSet<>();
        finder.ring(found.address(), found.state(), members);
        for (long member : members) {
            if (finder.heapInfoSize(member) == 0) {
                return finder.at(member).orElse(null);
            }
        }
        return null;
    }

    // ---- arenas

    private Set<Long> ring() {
        Set<Long> members = new LinkedHashSet<>();
        if (!finder.ring(main.address(), main.state(), members)) {
            long last = members.isEmpty() ? main.address() : members.stream().reduce((a, b) -> b).orElseThrow();
            corruptions.add(last + main.state().next(), members.size() - 1,
                    "the ring of arenas does not close: next of the arena at 0x%x is 0x%x".formatted(
                            last, state(last).next()));
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
            keep(layouts.stream().filter(layout -> sizes.contains(layout.heapInfoSize())).toList());
            say("heap_info", "%d bytes".formatted(sizes.iterator().next()), "arenas lie that far behind their heaps");
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
        long size = peek.sizeWord(top) & ~MallocChunk.SIZE_BITS;
        return size >= MallocChunk.HEADER && size < USER_SPACE ? top + size : 0;
    }

    private boolean noncontiguous() {
        return state(main.address()).noncontiguous();
    }

    private void findParameters() {
        long system = state(main.address()).systemMem();
        long expected = noncontiguous() ? -1 : system == 0 ? 0 : topEnd() == 0 ? -1 : topEnd() - system;
        ParFinder parameters = new ParFinder(target.memory(), peek);
        Set<MallocLayout.Par> possible =
                layouts.stream().map(MallocLayout::par).collect(Collectors.toCollection(LinkedHashSet::new));
        Optional<ParFinder.Found> byStructure = parameters.scan(nearMain(), possible, expected);
        OptionalLong symbol = symbols ? libc.symbol("mp_") : OptionalLong.empty();
        Optional<ParFinder.Found> bySymbol = symbol.isPresent()
                ? parameters.at(symbol.getAsLong(), possible, expected)
                : Optional.empty();
        if (bySymbol.isPresent()
                && byStructure.isPresent()
                && byStructure.get().address() != bySymbol.get().address()) {
            corruptions.add(symbol.getAsLong(), -1, "the symbol mp_ says 0x%x, the structure says 0x%x"
                    .formatted(symbol.getAsLong(), byStructure.get().address()));
        }
        par = bySymbol.or(() -> byStructure).orElse(null);
        if (par == null) {
            say("mp_", "not found", "nothing near main_arena has fitting counts and parameters");
            return;
        }
        MallocLayout.Par layout = par.par();
        keep(layouts.stream().filter(one -> one.par().equals(layout)).toList());
        say("mp_", "0x%x".formatted(par.address()), (bySymbol.isPresent() ? "symbol mp_; " : "")
                + (par.baseAgrees()
                        ? "sbrk_base is where top and system_mem say the heap begins; "
                        : "sbrk_base has nothing to confirm it; ")
                + "counts and parameters fit (n_mmaps %d)".formatted(parameters().nMmaps()));
    }

    /** The ranges to look for {@code mp_} in: the C library's data, or the mapping that holds {@code main_arena}. */
    private List<Range> nearMain() {
        List<Range> holding = libc.ranges().stream()
                .filter(range -> main.address() >= range.start() && main.address() < range.end())
                .toList();
        if (libc.module().isPresent()) {
            return libc.ranges();
        }
        // .data and .bss are neighbours, but may be mappings of their own.
        List<Range> near = new ArrayList<>(holding);
        for (Range range : libc.ranges()) {
            boolean close = Math.abs(range.start() - main.address()) < 4 << 20;
            if (close && !near.contains(range)) {
                near.add(range);
            }
        }
        return near;
    }

    // ---- heaps of thread arenas

    private void chooseHeapMax(Set<Long> ring) {
        long huge = par == null ? 0 : parameters().hugePageSize();
        List<Long> sizes = new ArrayList<>(List.of(HEAP_MAX));
        if (huge > 0 && huge < 1L << 40 && Long.bitCount(huge) == 1) {
            sizes.addFirst(4 * huge);
        }
        sizes.addAll(List.of(8L << 20, 4L << 30, 128L << 20, 2L << 30, 1L << 20));
        long best = 0;
        for (long size : sizes) {
            long fits = ring.stream()
                    .filter(arena -> arena != main.address())
                    .filter(arena -> peek.heapInfo(state(arena).top() & -size).arPtr() == arena)
                    .count();
            if (fits > best) {
                best = fits;
                heapMax = size;
            }
        }
    }

    /** Every heap that a header at a multiple of the heap size tells of, by arena; arenas off the ring join it. */
    private Map<Long, List<Range>> scanHeaps(Set<Long> ring) {
        Map<Long, List<Range>> heaps = new LinkedHashMap<>();
        for (Mapping mapping : mappings) {
            if (!mapping.readable() || !mapping.writable() || !mapping.anonymous() || mapping.shared()) {
                continue;
            }
            for (long at = mapping.start() + heapMax - 1 & -heapMax; at >= 0 && at < mapping.end(); at += heapMax) {
                HeapInfo heap = peek.heapInfo(at);
                long arena = heap.arPtr();
                long size = heap.size();
                if ((arena & 7) != 0 || !heapSound(at) || arena == main.address()) {
                    continue;
                }
                if (!ring.contains(arena)) {
                    if (finder.heapInfoSize(arena) == 0 || finder.at(arena).isEmpty()) {
                        continue;
                    }
                    corruptions.add(arena, ring.size(), "the arena at 0x%x is not in the ring".formatted(arena));
                    ring.add(arena);
                }
                heaps.computeIfAbsent(arena, key -> new ArrayList<>()).add(new Range(at, at + size));
            }
        }
        return heaps;
    }

    private boolean heapSound(long heap) {
        HeapInfo info = peek.heapInfo(heap);
        return info.arPtr() != 0
                && info.size() >= 4096
                && info.size() <= heapMax
                && (info.size() & 0xfff) == 0
                && info.mprotectSize() >= info.size()
                && info.mprotectSize() <= heapMax
                && (info.prev() & heapMax - 1) == 0
                && mappings.readable(heap, info.size());
    }

    private List<Arena.Region> heapsOf(long arena, List<Range> scanned) {
        MallocLayout any = layouts.getLast();
        long top = state(arena).top();
        Set<Long> chain = new LinkedHashSet<>();
        long heap = top & -heapMax;
        boolean complete = false;
        while (heapSound(heap) && peek.heapInfo(heap).arPtr() == arena && chain.add(heap)) {
            long prev = peek.heapInfo(heap).prev();
            if (prev == 0) {
                complete = heap == (arena & -heapMax);
                break;
            }
            heap = prev;
        }
        if (!complete) {
            corruptions.add(chain.isEmpty() ? arena + main.state().top() : heap, -1,
                    "the heaps of the arena at 0x%x are not linked soundly from its top 0x%x".formatted(arena, top));
        }
        for (Range range : scanned) {
            if (chain.add(range.start()) && complete) {
                corruptions.add(range.start(), -1,
                        "a heap of the arena at 0x%x is not linked to its others".formatted(arena));
            }
        }
        List<Arena.Region> regions = new ArrayList<>();
        for (long one : chain) {
            long start = one == (arena & -heapMax)
                    ? arena + main.state().size() + 15 & ~15L
                    : one + any.heapInfoSize();
            regions.add(new Arena.Region(start, one + peek.heapInfo(one).size(), one));
        }
        regions.sort((a, b) -> Long.compare(a.start(), b.start()));
        return List.copyOf(regions);
    }

    /** The regions that overlap none of those taken before, which they join: no chunk belongs to two arenas. */
    private List<Arena.Region> disjoint(long arena, List<Arena.Region> regions, List<Arena.Region> taken) {
        List<Arena.Region> kept = new ArrayList<>();
        for (Arena.Region region : regions) {
            if (taken.stream().anyMatch(other -> region.start() < other.end() && other.start() < region.end())) {
                corruptions.add(region.heapInfo(), -1,
                        "the heap of the arena at 0x%x overlaps memory of another arena".formatted(arena));
            } else {
                kept.add(region);
                taken.add(region);
            }
        }
        return List.copyOf(kept);
    }

    private List<Range> claimed(Map<Long, List<Arena.Region>> heaps) {
        List<Range> claimed = new ArrayList<>();
        heaps.values().forEach(regions -> regions.forEach(region -> claimed.add(
                new Range(region.heapInfo(), region.heapInfo() + Math.max(peek.heapInfo(region.heapInfo()).mprotectSize(), 4096)))));
        // Not their whole mappings: the kernel joins what is mapped behind a .bss to the mapping of that.
        long page = target.pageSize();
        target.modules().forEach(module -> module.writableSegments()
                .forEach(range -> claimed.add(new Range(range.start() & -page, range.end() + page - 1 & -page))));
        return claimed;
    }

    private Arena arena(int index, long address, Arena.Kind kind, List<Arena.Region> regions) {
        MallocState state = state(address);
        long system = state.systemMem();
        if (kind == Arena.Kind.THREAD) {
            long sum = regions.stream().mapToLong(region -> region.end() - region.heapInfo()).sum();
            if (sum != system) {
                corruptions.add(address, index,
                        "system_mem is %d, but the heaps have %d bytes".formatted(system, sum));
            }
        }
        return new Arena(index, address, kind, regions, system, state.maxSystemMem(), state.top(),
                state.attachedThreads(), List.of());
    }

    // ---- runs of the main arena

    private List<Arena.Region> mainRegions(List<Range> claimed) {
        MallocState state = state(main.address());
        long system = state.systemMem();
        long top = state.top();
        long base = par == null ? 0 : parameters().sbrkBase();
        if (system == 0) {
            say("main heap", "none", "system_mem of main_arena is 0");
            return List.of();
        }
        if (noncontiguous()) {
            List<Range> anonymous = new ArrayList<>();
            List<Mapping> list = new ArrayList<>();
            for (Mapping mapping : mappings) {
                // Behind a program's .bss without a gap, the heap may look like a part of the program.
                if (mapping.path().equals("[heap]")) {
                    anonymous.add(new Range(mapping.start(), mapping.end()));
                } else if (mapping.contains(base)) {
                    anonymous.add(new Range(base, mapping.end()));
                } else {
                    list.add(mapping);
                }
            }
            anonymous.addAll(MmapFinder.unclaimed(list, claimed, target.pageSize()));
            MainRuns runs = new MainRuns(
                    target.memory(), peek, target.pageSize(), layouts.getLast().mmapTail(), top, system);
            List<Arena.Region> regions = runs.find(anonymous, base);
            if (!runs.complete()) {
                corruptions.add(main.address() + main.state().systemMem(), 0,
                        "system_mem is %d, but runs of %d bytes were found".formatted(system, runs.accounted()));
            }
            say("main heap", "%s, %d of %d bytes".formatted(counted(regions.size(), "run"), runs.accounted(), system),
                    "not contiguous (flag NONCONTIGUOUS): chains of sound chunks that end in fenceposts or top");
            return regions;
        }
        long end = topEnd();
        if (base == 0 && end != 0) {
            base = end - system;
        }
        if (end == 0 || end - base != system) {
            corruptions.add(top, 0, "top ends at 0x%x, but sbrk_base 0x%x and system_mem 0x%x say 0x%x"
                    .formatted(end, base, system, base + system));
            long byMapping = base;
            long start = base;
            byMapping = mappings.at(start).map(Mapping::end).orElse(0L);
            boolean endGood = end != 0 && end > base && mappings.readable(base, end - base);
            boolean systemGood = mappings.readable(base, system);
            end = endGood && end == byMapping || endGood && !systemGood ? end : systemGood ? base + system : byMapping;
        }
        if (end <= base || !mappings.readable(base, end - base)) {
            long readable = mappings.at(base).map(Mapping::end).orElse(base);
            corruptions.add(base, 0, "the main heap 0x%x to 0x%x is not mapped as a whole".formatted(base, end));
            end = Math.max(base, Math.min(end, readable));
        }
        say("main heap", "0x%x to 0x%x".formatted(base, end), "contiguous: "
                + (par == null ? "end of top less system_mem" : "sbrk_base to the end of top, system_mem agrees"));
        long start = base + 15 & ~15L;
        return end - start < MallocChunk.MIN_SIZE ? List.of() : List.of(new Arena.Region(start, end, 0));
    }

    private MallocLayout byVersion(List<MallocLayout> possible) {
        return libc.version()
                .flatMap(version -> possible.stream().filter(layout -> layout.covers(version)).findFirst())
                .orElse(possible.getLast());
    }

    // ---- thread caches, and with them the choice among the layouts that are left

    private final class Caches {
        private final WalkPlan plan;
        private final WalkPlan arenasOnly;
        private final List<Arena> arenas;
        private final TcacheFinder tcaches;
        private final long slots;
        private List<ThreadCache> threadCaches = List.of();

        Caches(List<Arena> arenas, WalkPlan plan) {
            this.arenas = arenas;
            this.plan = plan;
            this.arenasOnly = WalkPlan.of(arenas, new long[0], new long[0]);
            this.slots = par == null ? -1 : parameters().tcacheCount();
            this.tcaches = new TcacheFinder(target, peek, plan, slots);
        }

        MallocLayout find() {
            int linking = linkingOfFastbins();
            boolean known = layouts.stream().anyMatch(layout -> layout.tcache().bins() > 0);
            List<Long> blocks = null;
            List<MallocLayout> possible = new ArrayList<>(layouts);
            libc.version().ifPresent(version -> layouts.stream()
                    .filter(layout -> layout.covers(version))
                    .forEach(layout -> possible.add(layout.withSafeLinking(!layout.safeLinking()))));
            MallocLayout best = null;
            int bestScore = -1;
            Set<Long> bestSet = Set.of();
            if (known && (arenasOnly.totalBytes <= PREWALK || !registers())) {
                blocks = TcacheFinder.blocks(target, possible, arenasOnly);
                blocks.addAll(TcacheFinder.mmappedBlocks(possible, plan, target.pageSize()));
            }
            MallocLayout hinted = byVersion(layouts);
            for (MallocLayout layout : possible) {
                Set<Long> set = new LinkedHashSet<>();
                int score = linking == 0 ? 0 : (linking > 0) == layout.safeLinking() ? 4 : -4;
                for (long block : blocks == null || layout.tcache().bins() == 0 ? List.<Long>of() : blocks) {
                    TcacheFinder.Cache cache =
                            tcaches.block(block, layout) ? tcaches.read(block, layout, true, null) : null;
                    if (cache != null && (cache.chunks() > 0 || layout.tcache().countsDown() && slots != 0 || first(block))) {
                        set.add(block);
                        score += 2 * cache.chunks() + (cache.chunks() > 0 ? 2 : 0);
                    }
                }
                score = 2 * score + (layout == hinted ? 1 : 0);
                if (best == null || score > bestScore) {
                    best = layout;
                    bestScore = score;
                    bestSet = set;
                }
            }
            boolean patched = !layouts.contains(best);
            say("layout", best.versions() + (patched ? ", patched" : "") + (best.tested() ? "" : " (not tested)"),
                    basisOfLayout(best, linking, bestSet));
            collect(best, bestSet, blocks != null);
            return best;
        }

        private static String caches(int count) {
            return count == 1 ? "1 thread cache" : count + " thread caches";
        }

        private String basisOfLayout(MallocLayout layout, int linking, Set<Long> set) {
            List<String> basis = new ArrayList<>();
            basis.add("main_arena of %d bytes".formatted(layout.state().size()));
            if (par != null) {
                basis.add("mp_ of %d bytes".formatted(layout.par().size()));
            }
            if (!set.isEmpty()) {
                basis.add("%s of %d bytes whose lists fit".formatted(caches(set.size()), layout.tcache().size()));
            }
            if (linking != 0) {
                basis.add(linking > 0 ? "fastbin links are mangled" : "fastbin links are plain");
            }
            libc.version().ifPresent(version -> basis.add((layout.covers(version) ? "the banner agrees (" : "the banner differs (")
                    + version + ")"));
            return String.join("; ", basis);
        }

        private boolean registers() {
            return target.threads().stream().allMatch(thread -> thread.registers()
                    .map(registers -> registers.threadPointer() != 0).orElse(false));
        }

        /** Whether a block is the first one of an arena, as the cache of its first thread is to 2.41. */
        private boolean first(long block) {
            return arenas.stream()
                    .flatMap(arena -> arena.regions().stream())
                    .anyMatch(region -> region.start() == block - 16);
        }

        /** 1 if links of fastbins are mangled, -1 if they are plain, 0 if there are none to tell. */
        private int linkingOfFastbins() {
            if (main.state().fastbins() < 0) {
                return 0;
            }
            int votes = 0;
            for (Arena arena : arenas) {
                for (int i = 0; i < MallocLayout.FASTBINS; i++) {
                    long chunk = state(arena.address()).fastbin(i);
                    if (chunk == 0 || !plan.chunk(chunk)) {
                        continue;
                    }
                    long stored = word(chunk + 16);
                    long mangled = stored ^ chunk + 16 >>> 12;
                    boolean plain = stored == 0 || plan.chunk(stored);
                    boolean safe = mangled == 0 || plan.chunk(mangled);
                    votes += safe == plain ? 0 : safe ? 1 : -1;
                }
            }
            return Integer.signum(votes);
        }

        private void collect(MallocLayout layout, Set<Long> byStructure, boolean searched) {
            if (layout.tcache().bins() == 0) {
                return;
            }
            TcacheFinder.Variable variable = tcaches.tcacheVariable(libc, layout, byStructure, symbols);
            Map<Long, Long> owners = new TreeMap<>();
            if (variable != null) {
                variable.values().forEach((tid, value) -> {
                    if (tcaches.isCache(value, layout)) {
                        owners.put(value, tid);
                    } else if (variable.basis().startsWith("symbol")
                            && value != 0
                            && mappings.at(value).map(Mapping::writable).orElse(true)) {
                        corruptions.add(value, -1,
                                "tcache of thread %d points to 0x%x, which is no block for one".formatted(tid, value));
                    }
                });
            }
            Set<Long> all = new LinkedHashSet<>(owners.keySet());
            all.addAll(byStructure);
            List<ThreadCache> caches = new ArrayList<>();
            Set<Long> seen = new HashSet<>();
            for (long address : all) {
                TcacheFinder.Cache cache = tcaches.read(
                        address, layout, false, (at, reason) -> corruptions.add(at, -1, reason));
                if (cache == null) {
                    continue;
                }
                for (ThreadCache.Bin bin : cache.bins()) {
                    for (long chunk : bin.chunks()) {
                        if (!seen.add(chunk)) {
                            corruptions.add(chunk, -1, "the chunk is in two thread caches");
                        }
                    }
                }
                Long tid = owners.get(address);
                caches.add(new ThreadCache(
                        address, tid == null ? OptionalLong.empty() : OptionalLong.of(tid), cache.bins()));
            }
            threadCaches = List.copyOf(caches);
            long both = owners.keySet().stream().filter(byStructure::contains).count();
            String basis = variable == null
                    ? "by structure alone: blocks of the right size whose counts, lists and keys agree"
                    : "%s names %d%s".formatted(variable.basis(), owners.size(), searched
                            ? ", structure finds %d, both agree on %d".formatted(byStructure.size(), both)
                            : "; the heap is too large to look for more");
            say("tcache", caches(caches.size()), basis);
            if (variable != null && byStructure.size() > both) {
                say("tcache", "%d without a thread".formatted(byStructure.size() - both),
                        "left by threads that are gone, as in the child of a fork; their chunks count as cached");
            }
        }

        private List<Arena> withThreads(List<Arena> known) {
            Set<Long> ring = known.stream().map(Arena::address).collect(Collectors.toSet());
            TcacheFinder.Variable variable = tcaches.arenaVariable(libc, ring, symbols);
            if (variable == null) {
                return known;
            }
            say("thread_arena", "of " + counted(variable.values().values().stream().filter(v -> v != 0).count(), "thread"),
                    variable.basis());
            return known.stream()
                    .map(arena -> new Arena(arena.index(), arena.address(), arena.kind(), arena.regions(),
                            arena.systemBytes(), arena.maxSystemBytes(), arena.top(), arena.attachedThreads(),
                            variable.values().entrySet().stream()
                                    .filter(entry -> entry.getValue() == arena.address())
                                    .map(Map.Entry::getKey)
                                    .sorted()
                                    .toList()))
                    .toList();
        }
    }
}
