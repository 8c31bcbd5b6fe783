// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.LayerCursor;
import dev.heapwalk.heap.residency.Owner.Kind;
import dev.heapwalk.heap.residency.Owner.Part;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Residency;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Finds who has the memory of a process that stands still. Each byte of each mapping has one owner: the block of a heap
 * that it lies in, else the heap that has blocks on its page, else what the mapping is for. So what all owners have
 * adds up to all that is mapped, in memory and swapped out, to the byte.
 */
public final class MemoryOwners {
    private static final int STATES = BlockState.values().length;

    private final Target target;
    private final Residency residency;
    private final Meter meter;
    private final List<MappedBlocks> mappings = new ArrayList<>();
    private final Map<Owner, Tally> owners = new HashMap<>();
    private int at;

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

    private MemoryOwners(Target target, Residency residency) {
        this.target = target;
        this.residency = residency;
        this.meter = new Meter(residency);
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
     * @param progress is told how far it is
     * @return what each owner has, the largest first
     */
    public static List<Holding> find(Heaps heaps, Residency residency, Progress progress) {
        MemoryOwners all = new MemoryOwners(heaps.target(), residency);
        if (!heaps.isEmpty()) {
            all.blocks(heaps, progress);
        }
        all.rest();
        return all.owners.entrySet().stream()
                .filter(entry -> !entry.getValue().isEmpty())
                .map(entry -> entry.getValue().of(entry.getKey()))
                .sorted(Comparator.comparingLong(Holding::resident)
                        .thenComparingLong(Holding::swapped)
                        .thenComparingLong(Holding::mapped)
                        .reversed()
                        .thenComparing(holding -> holding.owner().toString()))
                .toList();
    }

    private Tally of(Kind kind, String name, Part part) {
        return owners.computeIfAbsent(new Owner(kind, name, part), _ -> new Tally());
    }

    private void blocks(Heaps heaps, Progress progress) {
        try (LayerCursor block = heaps.blocks()) {
            Heap heap = null;
            Tally[] tallies = new Tally[STATES];
            int count = 0;
            while (block.next()) {
                if (block.heap() != heap) {
                    heap = block.heap();
                    for (BlockState state : BlockState.values()) {
                        tallies[state.ordinal()] = of(Kind.HEAP, heap.name(), part(state));
                    }
                }
                add(
                        block.start(),
                        block.start() + block.size(),
                        heap,
                        tallies[block.state().ordinal()]);
                if ((++count & 0xffff) == 0) {
                    progress.at(block.walkedBytes(), block.totalBytes());
                }
            }
        }
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
        Set<Mapping> stacks = new HashSet<>();
        for (ThreadState thread : target.threads()) {
            thread.registers()
                    .flatMap(known -> target.memory().mappings().at(known.stackPointer()))
                    .ifPresent(stacks::add);
        }
        List<ElfModule> modules = target.modules();
        for (MappedBlocks in : mappings) {
            if (in.hasBlocks()) {
                Tally between = of(Kind.HEAP, in.mostly().name(), Part.BETWEEN);
                in.taken((start, end) -> meter.add(start, end, between));
                // What blocks have on these pages was counted with them.
                between.subtract(in.blocks());
            }
            in.empty((start, end) -> mapping(in.mapping(), start, end, stacks, modules));
        }
    }

    private void mapping(Mapping mapping, long start, long end, Set<Mapping> stacks, List<ElfModule> modules) {
        String path = mapping.path();
        Optional<ElfModule> module =
                modules.stream().filter(each -> each.contains(start)).findFirst();
        if (stacks.contains(mapping) || path.startsWith("[stack")) {
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
                written.page(to - from, what);
            }
        });
        all.subtract(written);
        of(kind, path, Part.OF_FILE).add(all);
        of(kind, path, Part.WRITTEN).add(written);
    }
}
