// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Finds the heaps of all C libraries in a target, in one look. What one of them has, the others leave alone; what lies
 * in mappings of its own is looked for once for all of them.
 */
final class Libraries {
    private final Target target;
    private final boolean symbols;
    private final Tools tools;
    private List<ElfModule> modules = List.of();
    private List<Discovery> discoveries = List.of();
    private MmapFinder.Known knownMmaps;
    private List<MallocHeap> heaps = List.of();
    private final List<String> notices = new ArrayList<>();

    Libraries(Target target, boolean symbols) {
        this(target, symbols, new Tools(target));
    }

    private Libraries(Target target, boolean symbols, Tools tools) {
        this.target = target;
        this.symbols = symbols;
        this.tools = tools;
    }

    /** Finds the heaps; none without memory, unless there is no other. */
    List<MallocHeap> locate() {
        synchronized (tools) {
            find();
            if (!target.runsOn()) {
                tools.rest();
            }
            return heaps;
        }
    }

    /** Finds the heaps as they are now. */
    Libraries refresh() {
        synchronized (tools) {
            tools.forget();
            Libraries now = new Libraries(target, symbols, tools);
            now.modules = modules;
            now.discoveries = discoveries.stream().map(Discovery::again).toList();
            now.knownMmaps = knownMmaps;
            now.find();
            return now;
        }
    }

    /** Finds the heap of one library as it is now. */
    MallocHeap refreshed(Discovery before) {
        Libraries now = refresh();
        return now.heaps.stream()
                .filter(heap -> heap.isOf(before))
                .findFirst()
                .orElseGet(() -> before.again()
                        .gone(new MallocHeap.Place(now, before.libc().label(), 0)));
    }

    /** The heaps that were found. */
    List<MallocHeap> heaps() {
        return heaps;
    }

    /** What is worth knowing about libraries whose heaps were not found. */
    List<String> notices() {
        return notices;
    }

    static UnsupportedTargetException unsupported(Target target, String found) {
        return new UnsupportedTargetException(
                "no glibc malloc in %s: %s. Supported are 64-bit little-endian programs on glibc 2.12 to 2.43"
                        .formatted(target.description(), found));
    }

    private void find() {
        Machine machine = target.machine();
        if (machine.wordSize() != 8) {
            throw unsupported(target, "its program is 32-bit (%s)".formatted(machine.label()));
        }
        if (machine != Machine.X86_64 && machine != Machine.AARCH64) {
            throw unsupported(target, "its program is for " + machine.label());
        }
        findLibraries();
        CurrentMappings mappings = new CurrentMappings(target);
        LibcModule first = discoveries.getFirst().libc();
        if (first.foreign().isPresent()) {
            throw unsupported(
                    target,
                    "it is " + first.foreign().get()
                            + OwnStatistics.of(List.of(first.foreign().get())));
        }
        List<Discovery> live = withMemory(mappings);
        if (!live.isEmpty()) {
            findMemory(live);
            findHeaps(live, mappings);
        }
    }

    /** Looks for C libraries, unless they are those of the last look. */
    private void findLibraries() {
        List<ElfModule> now = target.modules();
        if (!discoveries.isEmpty() && LibcModule.sameLibraries(modules, now)) {
            modules = now;
            return;
        }
        List<Discovery> found = new ArrayList<>();
        for (LibcModule libc : LibcModule.all(target, tools.reader(), symbols)) {
            found.add(discoveries.stream()
                    .filter(before ->
                            libc.module().isPresent() && before.libc().module().equals(libc.module()))
                    .findFirst()
                    .orElseGet(() -> new Discovery(target, symbols, tools, libc)));
        }
        modules = now;
        discoveries = List.copyOf(found);
    }

    /** Those libraries whose malloc has memory. If there are none, makes up the one heap, which has no arena. */
    private List<Discovery> withMemory(CurrentMappings mappings) {
        List<Discovery> live = new ArrayList<>();
        Discovery empty = null;
        UnsupportedTargetException refusal = null;
        List<Discovery> others = new ArrayList<>();
        for (Discovery discovery : discoveries) {
            try {
                if (discovery.findArenas(mappings)) {
                    live.add(discovery);
                } else if (empty == null) {
                    empty = discovery;
                }
                others.addAll(discovery.others());
            } catch (UnsupportedTargetException e) {
                refusal = refusal == null ? e : refusal;
                if (discoveries.size() > 1 && !discovery.libc().debug()) {
                    notices.add("the heap of %s is not listed: %s"
                            .formatted(discovery.libc().label(), e.getMessage()));
                }
            }
        }
        for (Discovery other : others) {
            if (live.stream().noneMatch(one -> one.mainArena().equals(other.mainArena()))
                    && other.findArenas(mappings)) {
                live.add(other);
            }
        }
        if (!others.isEmpty()) {
            discoveries = List.copyOf(live);
        }
        if (live.isEmpty() && empty == null) {
            throw refusal;
        }
        if (live.isEmpty()) {
            heaps = List.of(empty.nothing(new MallocHeap.Place(this, "", 0)));
        }
        return live;
    }

    /** Finds the memory of all arenas: what one has, no other takes. */
    private void findMemory(List<Discovery> live) {
        for (Discovery discovery : live) {
            Set<Long> foreign = new HashSet<>();
            live.stream().filter(other -> other != discovery).forEach(other -> foreign.addAll(other.arenaRing()));
            discovery.findThreadHeaps(foreign);
        }
        List<Range> claimed = claims(live);
        // A main heap from brk is told by its ends, one in mappings has to be looked for.
        List<Discovery> sorted = live.stream()
                .sorted(Comparator.comparing(Discovery::noncontiguous))
                .toList();
        for (Discovery discovery : sorted) {
            discovery.findMainHeap(
                    claimed,
                    live.stream()
                            .filter(other -> other != discovery && other.noncontiguous())
                            .map(other -> other.owner(true))
                            .toList());
            claimed.addAll(discovery.mainHeapClaims());
        }
    }

    private List<Range> claims(List<Discovery> live) {
        List<Range> claimed = new ArrayList<>();
        live.forEach(discovery -> claimed.addAll(discovery.threadHeapClaims()));
        // Not their whole mappings: the kernel joins what is mapped behind a .bss to the mapping of that.
        long page = target.pageSize();
        modules.forEach(module -> module.writableSegments()
                .forEach(range -> claimed.add(new Range(range.start() & -page, range.end() + page - 1 & -page))));
        return claimed;
    }

    private void findHeaps(List<Discovery> live, CurrentMappings mappings) {
        long[] counts = live.stream().mapToLong(Discovery::expectedMmaps).toArray();
        long[] bytes = live.stream().mapToLong(Discovery::expectedMmapBytes).toArray();
        long tail = live.getFirst().mmapTail();
        List<Range> claimed = claims(live);
        live.forEach(discovery -> claimed.addAll(discovery.mainHeapClaims()));
        MmapFinder mmaps = new MmapFinder(target.memory(), tools, target.pageSize(), tail, sum(counts), sum(bytes));
        MmappedChunks all = mmaps.searchWithHoles(
                mappings,
                claimed,
                mmaps.search(MmapFinder.unclaimed(mappings, claimed, target.pageSize()), knownMmaps));
        knownMmaps = mmaps.known();
        MmapShares shares = MmapShares.of(mmaps.found(), counts, bytes, tail);
        List<MallocHeap> found = new ArrayList<>();
        int regions = 0;
        for (int i = 0; i < live.size(); i++) {
            List<MmapHeaders.Chunk> mine = shares.of(i);
            MmappedChunks mmapped = live.size() == 1
                    ? all
                    : new MmappedChunks(
                            mine.size(),
                            mine.stream().mapToLong(MmapHeaders.Chunk::length).sum(),
                            counts[i],
                            bytes[i],
                            all.confidence() == MmappedChunks.Confidence.EXACT && !shares.exact()
                                    ? MmappedChunks.Confidence.AMBIGUOUS
                                    : all.confidence());
            String library = live.size() == 1 ? "" : label(live, i);
            MallocHeap heap =
                    live.get(i).heap(mine, mmapped, mmaps.how(), new MallocHeap.Place(this, library, regions));
            found.add(heap);
            regions += heap.arenas().size();
        }
        heaps = List.copyOf(found);
    }

    /** The name of a library, with its place where others have the same. */
    private static String label(List<Discovery> live, int index) {
        String label = live.get(index).libc().label();
        boolean alone = live.stream()
                        .filter(other -> other.libc().label().equals(label))
                        .count()
                == 1;
        return (label.isEmpty() ? "the program" : label)
                + (alone
                        ? ""
                        : " with main_arena at 0x%x"
                                .formatted(live.get(index).mainArena().start()));
    }

    /** A sum, or -1 where a part is not known. */
    private static long sum(long[] parts) {
        long sum = 0;
        for (long part : parts) {
            if (part < 0) {
                return -1;
            }
            sum += part;
        }
        return sum;
    }
}
