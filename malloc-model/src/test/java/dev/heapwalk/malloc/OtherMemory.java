// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.Label;
import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.heap.RootSink;
import dev.heapwalk.heap.RootSource;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.PointerScan;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Any word in writable memory that has no blocks, above the stack pointer where that is a stack, and in registers. */
public final class OtherMemory implements RootSource {
    private static final RootCategory MEMORY = new RootCategory("memory", false);
    private static final RootCategory REGISTERS = new RootCategory("registers", false);
    private static final int RED_ZONE = 128;

    private final Target target;
    private final Ranges from;
    private final Ranges blocks;

    /** Divides the memory of a target. */
    public OtherMemory(Heaps heaps) {
        this.target = heaps.target();
        Set<Mapping> withBlocks = new HashSet<>();
        try (BlockCursor block = heaps.blocks()) {
            Optional<Mapping> last = Optional.empty();
            while (block.next()) {
                if (last.filter(mapping -> mapping.contains(block.address())).isEmpty()) {
                    last = target.memory().mappings().at(block.address());
                    last.ifPresent(withBlocks::add);
                }
            }
        }
        List<Range> others = new ArrayList<>();
        List<Range> taken = new ArrayList<>();
        for (Mapping mapping : target.memory().mappings().list()) {
            if (withBlocks.contains(mapping)) {
                taken.add(new Range(mapping.start(), mapping.end()));
            } else if (mapping.readable() && mapping.writable()) {
                long start = mapping.start();
                for (ThreadState thread : target.threads()) {
                    long stack = thread.registers().orElseThrow().stackPointer();
                    start = mapping.contains(stack) ? stack - RED_ZONE : start;
                }
                others.add(new Range(start, mapping.end()));
            }
        }
        this.from = ranges(others);
        this.blocks = ranges(taken);
    }

    private static Ranges ranges(List<Range> list) {
        List<Range> sorted =
                list.stream().sorted(Comparator.comparingLong(Range::start)).toList();
        return Ranges.exactly(
                sorted.stream().mapToLong(Range::start).toArray(),
                sorted.stream().mapToLong(Range::end).toArray());
    }

    @Override
    public List<RootCategory> categories() {
        return List.of(MEMORY, REGISTERS);
    }

    @Override
    public void roots(RootCategory category, RootSink sink) {
        if (category.equals(REGISTERS)) {
            for (ThreadState thread : target.threads()) {
                for (long value : thread.registers().orElseThrow().general()) {
                    sink.root(value, category, Label.NONE);
                }
            }
            return;
        }
        try (PointerScan scan = target.memory().pointers(from, blocks)) {
            while (scan.next()) {
                sink.root(scan.value(), category, text -> text.append("0x").append(Long.toHexString(scan.address())));
            }
        }
    }

    @Override
    public List<String> missing() {
        return List.of();
    }
}
