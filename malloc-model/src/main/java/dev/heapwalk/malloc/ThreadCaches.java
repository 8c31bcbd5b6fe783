// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.Source;
import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The caches of all threads, and with them the choice among the layouts that are left: the one by which most lists of
 * caches and fastbins make sense.
 */
final class ThreadCaches {
    /** Larger heaps are not walked beforehand if the registers told the cache of every thread. */
    private static final long PREWALK = 1L << 30;

    private final Target target;
    private final Tools tools;
    private final Reader reader;
    private final LibcModule libc;
    private final boolean symbols;
    private final List<MallocLayout> layouts;
    private final long slots;
    private final List<MallocArena> arenas;
    private final WalkPlan plan;
    private final WalkPlan arenasOnly;
    private final TcacheFinder tcaches;
    private final Findings findings;
    private KnownCaches known;
    /** Whether the layout is told apart from all others. */
    private boolean confirmed;

    private Set<Long> searched = Set.of();
    private List<ThreadCache> threadCaches = List.of();

    /**
     * Prepares to look.
     *
     * @param layouts those that are left, all with the same {@code malloc_state}
     * @param slots {@code mp_.tcache_count}, or -1 where {@code mp_} was not found
     * @param known what an earlier look at the same process found, or null
     */
    ThreadCaches(
            Target target,
            Tools tools,
            LibcModule libc,
            boolean symbols,
            List<MallocLayout> layouts,
            long slots,
            List<MallocArena> arenas,
            WalkPlan plan,
            KnownCaches known,
            Findings findings) {
        this.target = target;
        this.tools = tools;
        this.reader = tools.reader();
        this.libc = libc;
        this.symbols = symbols;
        this.layouts = layouts;
        this.slots = slots;
        this.arenas = arenas;
        this.plan = plan;
        this.arenasOnly = WalkPlan.of(arenas, new long[0], new long[0]);
        this.tcaches = new TcacheFinder(target, reader, plan, slots);
        this.known = known;
        this.findings = findings;
    }

    /** The caches, after {@link #find}. */
    List<ThreadCache> list() {
        return threadCaches;
    }

    /** What the next look at the same process may take over, or null; after {@link #find}. */
    KnownCaches known() {
        return known;
    }

    /** Chooses the layout, and finds the caches by it. */
    MallocLayout find() {
        if (!target.runsOn()) {
            return search();
        }
        List<Long> addresses = arenas.stream().map(MallocArena::address).toList();
        ThreadRuns threads = ThreadRuns.of(target);
        if (known != null && known.complete(addresses, threads)) {
            Set<Long> still = still();
            if (still != null) {
                MallocLayout layout = known.layout();
                findings.say("layout", versions(layout), "as before", Set.of(Source.EARLIER, Source.STRUCTURE));
                collect(layout, still, true);
                return layout;
            }
        }
        threads.takeTimes();
        MallocLayout layout = search();
        long first = arenas.getFirst().regions().isEmpty()
                ? 0
                : arenas.getFirst().regions().getFirst().start() + MallocChunk.HEADER;
        known = searched.isEmpty() || !confirmed
                ? null
                : new KnownCaches(layout, searched, addresses, threads, searched.contains(first), known);
        return layout;
    }

    /** Those of the known caches that a search would find now; null if one is not what it was. */
    private Set<Long> still() {
        MallocLayout layout = known.layout();
        Set<Long> still = new LinkedHashSet<>();
        for (long block : known.addresses()) {
            TcacheFinder.Cache cache =
                    tcaches.usedBlock(block, layout) ? tcaches.read(block, layout, true, null) : null;
            if (cache == null) {
                return null;
            }
            // One that is empty for now is looked at again the next time.
            if (counts(block, cache, layout)) {
                still.add(block);
            }
        }
        return still;
    }

    private boolean counts(long block, TcacheFinder.Cache cache, MallocLayout layout) {
        return cache.chunks() > 0 || layout.tcache().countsDown() && slots != 0 || first(block);
    }

    private MallocLayout search() {
        int linking = linkingOfFastbins();
        boolean cached = layouts.stream().anyMatch(layout -> layout.tcache().bins() > 0);
        List<Long> blocks = null;
        List<MallocLayout> patched = new ArrayList<>();
        libc.version()
                .ifPresent(version -> layouts.stream()
                        .filter(layout -> layout.covers(version))
                        .forEach(layout -> patched.add(layout.withSafeLinking(!layout.safeLinking()))));
        if (cached && (arenasOnly.totalBytes <= PREWALK || !registers())) {
            List<MallocLayout> possible = new ArrayList<>(layouts);
            possible.addAll(patched);
            blocks = TcacheFinder.blocks(tools, possible, arenasOnly);
            blocks.addAll(TcacheFinder.mmappedBlocks(possible, plan, target.pageSize()));
        }
        List<Fit> fits = new ArrayList<>();
        for (MallocLayout layout : layouts) {
            fits.add(fit(layout, linking, blocks));
        }
        int best = fits.stream().mapToInt(Fit::score).max().orElseThrow();
        Fit chosen = null;
        for (MallocLayout layout : patched) {
            Fit fit = fit(layout, linking, blocks);
            if (fit.score() > best) {
                best = fit.score();
                chosen = fit;
            }
        }
        confirmed = true;
        String versions;
        if (chosen != null) {
            versions = versions(chosen.layout());
        } else {
            chosen = choose(fits, best);
            versions = confirmed ? versions(chosen.layout()) : range(fits, best);
        }
        findings.say(
                "layout",
                versions,
                basisOfLayout(chosen.layout(), linking, chosen.caches()),
                confirmed && libc.version().isPresent()
                        ? Set.of(Source.STRUCTURE, libc.hint().orElseThrow().source())
                        : Set.of(Source.STRUCTURE));
        collect(chosen.layout(), chosen.caches(), blocks != null);
        searched = chosen.caches();
        return chosen.layout();
    }

    /**
     * How well a layout fits.
     *
     * @param score higher is better
     * @param begins whether the main heap begins as it does by this layout
     * @param caches target addresses of the thread caches that there are by it
     */
    private record Fit(MallocLayout layout, int score, boolean begins, Set<Long> caches) {}

    private Fit fit(MallocLayout layout, int linking, List<Long> blocks) {
        Set<Long> caches = new LinkedHashSet<>();
        int score = linking == 0 ? 0 : (linking > 0) == layout.safeLinking() ? 4 : -4;
        boolean begins = layout.tcache().bins() == 0 || layout.tcache().countsDown();
        boolean told = blocks != null;
        for (long block : layout.tcache().bins() == 0 ? List.<Long>of() : told ? blocks : ofThreads(layout)) {
            TcacheFinder.Cache cache = tcaches.block(block, layout) ? tcaches.read(block, layout, true, null) : null;
            if (cache == null || !counts(block, cache, layout)) {
                continue;
            }
            if (told) {
                caches.add(block);
            }
            begins |= first(block);
            // One that holds nothing shows by its size where it is, or by its slots.
            score += cache.chunks() > 0 ? 2 * cache.chunks() + cache.confirmed() + 2 : 1;
        }
        return new Fit(layout, score, begins, caches);
    }

    /** What the variables of threads name, where the heap is too large to look for more. */
    private List<Long> ofThreads(MallocLayout layout) {
        TcacheFinder.Variable variable = tcaches.tcacheVariable(libc, layout, Set.of(), symbols);
        return variable == null
                ? List.of()
                : variable.values().values().stream()
                        .filter(value -> value != 0)
                        .toList();
    }

    /** The layout to go on with: of those that fit best the one that is hinted at, or by which the main heap begins. */
    private Fit choose(List<Fit> fits, int best) {
        List<Fit> tied = fits.stream().filter(fit -> fit.score() == best).toList();
        for (Fit fit : tied) {
            if (libc.version().map(fit.layout()::covers).orElse(false)) {
                return fit;
            }
        }
        List<Fit> begun = tied.stream().filter(Fit::begins).toList();
        confirmed = tied.size() == 1 || begun.size() == 1;
        return begun.isEmpty() ? tied.getLast() : begun.getLast();
    }

    /** The versions of all layouts that fit as well, where nothing tells which it is. */
    private static String range(List<Fit> fits, int best) {
        boolean some = fits.stream().anyMatch(fit -> fit.score() == best && fit.begins());
        List<MallocLayout> tied = fits.stream()
                .filter(fit -> fit.score() == best && (!some || fit.begins()))
                .map(Fit::layout)
                .toList();
        return "glibc %s to %s, not told apart"
                .formatted(tied.getFirst().since(), tied.getLast().until());
    }

    private String versions(MallocLayout layout) {
        return layout.versions()
                + (layouts.contains(layout) ? "" : ", patched")
                + (layout.tested() ? "" : " (not tested)");
    }

    private String basisOfLayout(MallocLayout layout, int linking, Set<Long> set) {
        List<String> basis = new ArrayList<>();
        basis.add("main_arena of %d bytes".formatted(layout.state().size()));
        if (slots >= 0) {
            basis.add("mp_ of %d bytes".formatted(layout.par().size()));
        }
        if (!set.isEmpty()) {
            basis.add("%s of %d bytes whose lists fit"
                    .formatted(
                            Findings.counted(set.size(), "thread cache"),
                            layout.tcache().size()));
        }
        if (linking != 0) {
            basis.add(linking > 0 ? "fastbin links are mangled" : "fastbin links are plain");
        }
        libc.hint()
                .ifPresent(hint -> basis.add("%s %s (%s)"
                        .formatted(hint.what(), layout.covers(hint.version()) ? "agrees" : "differs", hint.version())));
        return String.join("; ", basis);
    }

    private boolean registers() {
        return target.threads().stream()
                .allMatch(thread -> thread.registers()
                        .map(registers -> registers.threadPointer() != 0)
                        .orElse(false));
    }

    /** Whether a block is the first one of an arena, as the cache of its first thread is to 2.41. */
    private boolean first(long block) {
        return arenas.stream()
                .flatMap(arena -> arena.regions().stream())
                .anyMatch(region -> region.start() == block - 16);
    }

    /** 1 if links of fastbins are mangled, -1 if they are plain, 0 if there are none to tell. */
    private int linkingOfFastbins() {
        if (layouts.getFirst().state().fastbins() < 0) {
            return 0;
        }
        int votes = 0;
        for (MallocArena arena : arenas) {
            for (int i = 0; i < MallocLayout.FASTBINS; i++) {
                long chunk = Structures.arena(
                                reader, arena.address(), layouts.getFirst().state())
                        .fastbin(i);
                if (chunk == 0 || !plan.chunk(chunk)) {
                    continue;
                }
                long stored = reader.readLong(chunk + 16, 0);
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
                } else if (variable.source() == Source.SYMBOL
                        && value != 0
                        && target.memory()
                                .mappings()
                                .at(value)
                                .map(Mapping::writable)
                                .orElse(true)) {
                    findings.damage()
                            .add(
                                    value,
                                    -1,
                                    "tcache of thread %d points to 0x%x, which is no block for one"
                                            .formatted(tid, value));
                }
            });
        }
        Set<Long> all = new LinkedHashSet<>(owners.keySet());
        all.addAll(byStructure);
        List<ThreadCache> caches = new ArrayList<>();
        LongTable seen = tools.seen();
        for (long address : all) {
            TcacheFinder.Cache cache = tcaches.read(
                    address, layout, false, (at, reason) -> findings.damage().add(at, -1, reason));
            if (cache == null) {
                continue;
            }
            for (ThreadCache.Bin bin : cache.bins()) {
                for (long chunk : bin.chunks()) {
                    if (seen.add(chunk, 1) > 1) {
                        findings.damage().add(chunk, -1, "the chunk is in two thread caches");
                    }
                }
            }
            Long tid = owners.get(address);
            caches.add(
                    new ThreadCache(address, tid == null ? OptionalLong.empty() : OptionalLong.of(tid), cache.bins()));
        }
        threadCaches = List.copyOf(caches);
        long both = owners.keySet().stream().filter(byStructure::contains).count();
        String basis = variable == null
                ? "by structure alone: blocks of the right size whose counts, lists and keys agree"
                : "%s names %d%s"
                        .formatted(
                                variable.basis(),
                                owners.size(),
                                searched
                                        ? ", structure finds %d, both agree on %d".formatted(byStructure.size(), both)
                                        : "; the heap is too large to look for more");
        findings.say(
                "tcache",
                Findings.counted(caches.size(), "thread cache"),
                basis,
                variable == null ? Set.of(Source.STRUCTURE) : variable.sources());
        if (variable != null && byStructure.size() > both) {
            findings.say(
                    "tcache",
                    "%d without a thread".formatted(byStructure.size() - both),
                    "left by threads that are gone, as in the child of a fork; their chunks count as cached");
        }
    }

    /** The arenas with the threads that allocate from them. */
    List<MallocArena> withThreads(List<MallocArena> known) {
        Set<Long> ring = known.stream().map(MallocArena::address).collect(Collectors.toSet());
        TcacheFinder.Variable variable = tcaches.arenaVariable(libc, ring, symbols);
        if (variable == null) {
            return known;
        }
        findings.say(
                "thread_arena",
                "of "
                        + Findings.counted(
                                variable.values().values().stream()
                                        .filter(v -> v != 0)
                                        .count(),
                                "thread"),
                variable.basis(),
                variable.sources());
        return known.stream()
                .map(arena -> new MallocArena(
                        arena.index(),
                        arena.address(),
                        arena.kind(),
                        arena.regions(),
                        arena.systemBytes(),
                        arena.maxSystemBytes(),
                        arena.top(),
                        arena.attachedThreads(),
                        variable.values().entrySet().stream()
                                .filter(entry -> entry.getValue() == arena.address())
                                .map(Map.Entry::getKey)
                                .sorted()
                                .toList()))
                .toList();
    }
}
