// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.LayerCursor;
import dev.heapwalk.heap.residency.Owner.Kind;
import dev.heapwalk.heap.residency.Owner.Part;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Proportions;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Residency;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * Finds who has the memory of a process that stands still. Each byte of each mapping has one owner: the block of a heap
 * that it lies in, else the heap that has blocks on its page, else what the mapping is for. So what all owners have
 * adds up to all that is mapped, in memory and swapped out, to the byte.
 */
public final class MemoryOwners {
    /** Blocks in use that are mappings of their own are counted behind those of all states. */
    private static final int OWN_MAPPING = BlockState.values().length;
    /** Large blocks in use that are no such mappings are counted behind these. */
    private static final int LARGE = OWN_MAPPING + 1;

    private static final long LEAST_LARGE = 128 << 10;

    private final Target target;
    private final Residency residency;
    private final Shares shares;
    private final Meter meter;
    private final List<MappedBlocks> mappings = new ArrayList<>();
    private final Map<Owner, Tally> owners = new HashMap<>();
    /** What blocks have, by region; those that the allocators of a walk have come one after the other. */
    private final Map<Region, Tally[]> regions = new LinkedHashMap<>();

    private final List<Claim> claims = new ArrayList<>();
    private int at;

    /** A region of a heap. */
    private record Region(Heap heap, int number) {}

    /** Is told how far it is. */
    @FunctionalInterface
    public interface Progress {
        /** No one is told. */
        Progress NONE = (walked, total) -> {};

        /**
         * Some blocks more were walked.
         *
         * @param walked bytes so far
         * @param total bytes in all
         */
        void at(long walked, long total);
    }

    private MemoryOwners(Target target, Residency residency, Optional<Proportions> proportions) {
        this.target = target;
        this.residency = residency;
        this.shares = Shares.of(proportions, residency);
        this.meter = new Meter(residency, shares);
        for (Mapping mapping : target.memory().mappings().list()) {
            // What lies above is the kernel's, and counted nowhere.
            if (mapping.start() >= 0) {
                mappings.add(new MappedBlocks(mapping, target.pageSize()));
            }
        }
    }

    /**
     * Finds the owners.
     *
     * @param heaps the heaps of a target that stands still; it may have none
     * @param residency what is in memory in the same stop; {@link Residency#NONE} if that is not known
     * @param proportions how much of that falls to the process where others have it too, in the same stop; empty where
     *     nobody asks for that
     * @param progress is told how far it is
     * @return what each owner has
     */
    public static OwnedMemory find(
            Heaps heaps, Residency residency, Optional<Proportions> proportions, Progress progress) {
        MemoryOwners all = new MemoryOwners(heaps.target(), residency, proportions);
        if (!heaps.isEmpty()) {
            all.blocks(heaps, progress);
        }
        all.rest();
        List<Holding> holdings = all.owners.entrySet().stream()
                .filter(entry -> !entry.getValue().isEmpty())
                .map(entry -> entry.getValue().of(entry.getKey()))
                .sorted(Comparator.comparingLong(Holding::resident)
                        .thenComparingLong(Holding::swapped)
                        .thenComparingLong(Holding::mapped)
                        .reversed()
                        .thenComparing(holding -> holding.owner().toString()))
                .toList();
        return new OwnedMemory(
                holdings,
                all.regions.entrySet().stream()
                        .filter(entry -> entry.getKey().heap().layer() == HeapLayer.ALLOCATOR)
                        .map(entry -> holding(entry.getKey(), entry.getValue()))
                        .toList(),
                heaps.target().threads().stream()
                        .flatMap(thread -> StackHolding.of(thread, residency).stream())
                        .sorted(Comparator.comparingLong(StackHolding::depth).reversed())
                        .toList());
    }

    private static RegionHolding holding(Region region, Tally[] tallies) {
        return new RegionHolding(
                region.heap(),
                region.number(),
                resident(tallies, BlockState.USED) + tallies[OWN_MAPPING].resident() + tallies[LARGE].resident(),
                tallies[LARGE].resident(),
                resident(tallies, BlockState.FREE),
                resident(tallies, BlockState.CACHED),
                resident(tallies, BlockState.RESERVED));
    }

    private static long resident(Tally[] tallies, BlockState state) {
        return tallies[state.ordinal()].resident();
    }

    private Tally of(Kind kind, String name, Part part) {
        return of(new Owner(kind, name, part));
    }

    private Tally of(Owner owner) {
        return owners.computeIfAbsent(owner, _ -> new Tally());
    }

    private void blocks(Heaps heaps, Progress progress) {
        try (LayerCursor block = heaps.blocks()) {
            Heap heap = null;
            int region = -1;
            Tally[] tallies = {};
            int count = 0;
            while (block.next()) {
                if (block.heap() != heap || block.region() != region) {
                    heap = block.heap();
                    region = block.region();
                    tallies = regions.computeIfAbsent(new Region(heap, region), _ -> tallies());
                }
                BlockState state = block.state();
                add(
                        block.start(),
                        block.start() + block.size(),
                        heap,
                        tallies[state == BlockState.USED ? used(block) : state.ordinal()]);
                if ((++count & 0xffff) == 0) {
                    progress.at(block.walkedBytes(), block.totalBytes());
                }
            }
        }
        regions.forEach((region, parts) -> {
            String name = region.heap().name();
            for (BlockState state : BlockState.values()) {
                of(Kind.HEAP, name, part(state)).add(parts[state.ordinal()]);
            }
            of(Kind.HEAP, name, Part.MAPPED).add(parts[OWN_MAPPING]);
            of(Kind.HEAP, name, Part.USED).add(parts[LARGE]);
        });
    }

    private static int used(LayerCursor block) {
        if (block.ownMapping()) {
            return OWN_MAPPING;
        }
        return block.size() >= LEAST_LARGE ? LARGE : BlockState.USED.ordinal();
    }

    private static Tally[] tallies() {
        Tally[] tallies = new Tally[LARGE + 1];
        Arrays.setAll(tallies, _ -> new Tally());
        return tallies;
    }

    private static Part part(BlockState state) {
        return switch (state) {
            case USED -> Part.USED;
            case FREE -> Part.FREE;
            case CACHED -> Part.CACHED;
            case RESERVED -> Part.RESERVED;
        };
    }

    /** Adds a block, as far as it lies in mappings. */
    private void add(long start, long end, Heap heap, Tally tally) {
        if (at >= mappings.size() || mappings.get(at).start() > start) {
            at = 0;
        }
        if (mappings.get(at).end() <= start) {
            search(start);
        }
        for (int i = at; i < mappings.size() && mappings.get(i).start() < end; i++) {
            MappedBlocks in = mappings.get(i);
            long from = Math.max(start, in.start());
            long to = Math.min(end, in.end());
            if (from < to) {
                meter.add(from, to, tally, in.blocks());
                in.note(from, to, heap);
            }
        }
    }

    /** Goes to the first mapping that ends behind an address. */
    private void search(long address) {
        int low = at;
        int high = mappings.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (mappings.get(middle).end() <= address) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        at = Math.min(low, mappings.size() - 1);
    }

    /** What no block has. */
    private void rest() {
        for (ClaimProvider provider : ServiceLoader.load(ClaimProvider.class, ClaimProvider.class.getClassLoader())) {
            provider.claims(target).forEach(this::claim);
        }
        // A runtime may have stacks of its own in its heap.
        target.threads().forEach(this::stack);
        claims.sort(Comparator.comparingLong(claim -> claim.range().start()));
        List<ElfModule> modules = target.modules();
        for (MappedBlocks in : mappings) {
            if (in.hasBlocks()) {
                Tally between = of(Kind.HEAP, in.mostly().name(), Part.BETWEEN);
                in.taken((start, end) -> meter.add(start, end, between));
                // What blocks have on these pages was counted with them.
                between.subtract(in.blocks());
            }
            in.empty((start, end) -> claimed(in.mapping(), start, end, modules));
        }
    }

    /** Takes a claim, unless another one has some of it. */
    private void claim(Claim claim) {
        Range range = claim.range();
        if (claims.stream()
                .noneMatch(other -> other.range().start() < range.end()
                        && range.start() < other.range().end())) {
            claims.add(claim);
        }
    }

    /** The stack of a thread; where that is not known, the mapping that it lies in, up to where its first frame begins. */
    private void stack(ThreadState thread) {
        thread.wholeStack()
                .or(() -> thread.stack()
                        .flatMap(used -> target.memory()
                                .mappings()
                                .at(used.start())
                                .filter(mapping -> mapping.start() >= 0)
                                .map(mapping -> new Range(mapping.start(), used.end()))))
                .ifPresent(range -> claim(new Claim(range, new Owner(Kind.STACK, thread.toString(), Part.WHOLE))));
    }

    /** What claims there are to a range of a mapping, and what nobody claims of it. */
    private void claimed(Mapping mapping, long start, long end, List<ElfModule> modules) {
        long from = start;
        for (Claim claim : claims) {
            long first = Math.max(from, claim.range().start());
            long behind = Math.min(end, claim.range().end());
            if (first < behind) {
                if (from < first) {
                    mapping(mapping, from, first, modules);
                }
                meter.add(first, behind, of(claim.owner()));
                from = behind;
            }
        }
        if (from < end) {
            mapping(mapping, from, end, modules);
        }
    }

    private void mapping(Mapping mapping, long start, long end, List<ElfModule> modules) {
        String path = mapping.path();
        Optional<ElfModule> module =
                modules.stream().filter(each -> each.contains(start)).findFirst();
        if (path.startsWith("[stack")) {
            meter.add(start, end, of(Kind.STACK, "", Part.WHOLE));
        } else if (module.isPresent()) {
            split(start, end, Kind.PROGRAM, module.get().path());
        } else if (mapping.shared()) {
            boolean file = !mapping.anonymous() && !isNoFile(path);
            meter.add(start, end, of(file ? Kind.FILE : Kind.SHARED, path, Part.WHOLE));
        } else if (!mapping.anonymous()) {
            split(start, end, Kind.FILE, path);
        } else {
            meter.add(start, end, of(Kind.OTHER, path, Part.WHOLE));
        }
    }

    /** Memory that has a path, but is no file that is there. */
    private static boolean isNoFile(String path) {
        return path.startsWith("/dev/zero")
                || path.startsWith("/memfd:")
                || path.startsWith("/SYSV")
                || path.startsWith("/dev/shm/");
    }

    /** Of a file that is mapped for one process alone, what that has written is its own. */
    private void split(long start, long end, Kind kind, String path) {
        Tally all = new Tally();
        meter.add(start, end, all);
        Tally written = new Tally();
        residency.within(start, end, (from, to, what) -> {
            if ((what & Residency.FILE) == 0) {
                written.map(to - from);
                written.page(to - from, what, shares.at(from));
            }
        });
        all.subtract(written);
        of(kind, path, Part.OF_FILE).add(all);
        of(kind, path, Part.WRITTEN).add(written);
    }
}
