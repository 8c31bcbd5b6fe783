// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.EdgeSource;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.Label;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.PointerScan;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.RawMemory;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** What a block refers to: by its heap's own words where that knows, else by any aligned word in it. For one thread. */
final class BlockEdges implements AutoCloseable {
    private static final long PAGE = 4096;
    /** In longer blocks, pages that were never touched are left out. */
    private static final long LONG = 1 << 20;

    /** Takes edges one by one. */
    @FunctionalInterface
    interface Sink {
        /** Takes the other node with the kind. */
        void edge(int word, Label label);
    }

    private final BlockIndex index;
    private final AddressSpace memory;
    private final Window window;
    /** By the number of the heap, null where it does not know. */
    private final EdgeSource[] sources;
    /** The source that also knows blocks of allocators, null if there is none. */
    private final EdgeSource everywhere;

    private final boolean[] runtime;

    private long damaged;
    private long unreadable;
    private Sink sink;
    private int source;
    private int told;
    private long offset;
    private final Label atOffset = text -> text.append("+0x").append(Long.toHexString(offset));

    BlockEdges(BlockIndex index) {
        this.index = index;
        List<Heap> heaps = index.heaps();
        this.sources = new EdgeSource[heaps.size()];
        this.runtime = new boolean[heaps.size()];
        EdgeSource all = null;
        for (int i = 0; i < sources.length; i++) {
            Heap heap = heaps.get(i);
            runtime[i] = heap.layer() == HeapLayer.RUNTIME;
            sources[i] = heap.edges().orElse(null);
            if (sources[i] != null && sources[i].knowsBlocksOfAllocators()) {
                all = sources[i];
            }
        }
        this.everywhere = all;
        this.memory = heaps.isEmpty() ? null : heaps.getFirst().target().memory();
        this.window = memory == null ? null : memory.window(index.course());
    }

    /** Whether a heap is a runtime's. */
    boolean inRuntime(int number) {
        return runtime[index.heapNumber(number)];
    }

    /** Whether a runtime knows what its blocks refer to. */
    boolean anybodyKnows() {
        return Arrays.stream(sources).anyMatch(Objects::nonNull);
    }

    /** Whether a runtime counts the references to its blocks. */
    boolean anybodyCounts() {
        return Arrays.stream(sources).anyMatch(source -> source != null && source.countsReferences());
    }

    /** How many references a block has by the count of its runtime; -1 where that is not known. */
    long counted(int number) {
        EdgeSource asked = sourceOf(number);
        try {
            return asked == null ? -1 : asked.countedReferences(index.address(number));
        } catch (UnmappedAddressException e) {
            return -1;
        }
    }

    /** Who may know a block; null if nobody does. */
    private EdgeSource sourceOf(int number) {
        EdgeSource own = sources[index.heapNumber(number)];
        return own == null && !inRuntime(number) ? everywhere : own;
    }

    /** Whether there is one to ask about blocks of allocators. */
    boolean knowsBlocksOfAllocators() {
        return everywhere != null;
    }

    /** Whether the blocks of a heap are held by nothing but what its source and its roots tell. */
    boolean[] heldByKnownAlone() {
        boolean[] answer = new boolean[sources.length];
        for (int i = 0; i < answer.length; i++) {
            answer[i] = sources[i] != null && sources[i].knowsAllHolders();
        }
        return answer;
    }

    /**
     * Gives what is known for certain.
     *
     * @return whether these are all
     */
    boolean known(int number, Sink to) {
        if (index.reserved(number)) {
            return true;
        }
        EdgeSource asked = sourceOf(number);
        if (asked == null) {
            return false;
        }
        sink = to;
        source = number;
        try {
            return asked.edges(index.address(number), this::take);
        } catch (UnmappedAddressException e) {
            damaged++;
            return true;
        }
    }

    private void take(long address, EdgeKind kind, Label label) {
        int found = index.target(address);
        if (found == BlockIndex.NONE) {
            return;
        }
        int target = found & BlockIndex.MOST;
        boolean behind = found >>> BlockIndex.KIND_SHIFT == EdgeKind.PAST_END.ordinal();
        if (target != source && behind == (kind == EdgeKind.PAST_END)) {
            sink.edge(kind.ordinal() << BlockIndex.KIND_SHIFT | target, label);
        }
    }

    /** Gives what any aligned word in it leads to. */
    void guessed(int number, long address, Sink to) {
        sink = to;
        source = number;
        long size = index.usable(number);
        if (size >= LONG) {
            scanLong(address, size);
        } else {
            scan(address, address + size);
        }
    }

    private void scanLong(long address, long size) {
        long low = index.low();
        try (PointerScan scan = memory.pointers(
                Ranges.exactly(new long[] {address}, new long[] {address + size}),
                Ranges.exactly(new long[] {low}, new long[] {low + index.span()}))) {
            while (scan.next()) {
                hit(scan.value(), scan.address() - address);
            }
            unreadable += scan.leftOutBytes();
        }
    }

    private void scan(long from, long to) {
        long at = from + 7 & -8;
        long end = to & -8;
        while (at < end) {
            long wanted = Math.min(Window.MAX_LENGTH, end - at);
            long place = window.find(at, wanted);
            if (place < 0) {
                long before = window.missing() - at & -8;
                if (before <= 0 || before >= wanted || (place = window.find(at, before)) < 0) {
                    long next = Math.min(end, memory.nextReadable((at & -PAGE) + PAGE, Long.MAX_VALUE) & -8);
                    unreadable += next - at;
                    at = next;
                    continue;
                }
                wanted = before;
            }
            words(window.segment().address() + place, wanted, at - from);
            at += wanted;
        }
    }

    private void words(long local, long length, long first) {
        long low = index.low();
        long width = index.span() + Long.MIN_VALUE;
        for (long at = 0; at < length; at += Long.BYTES) {
            long word = RawMemory.word(local + at);
            // Unsigned: what lies before the first block is beyond the last.
            if (word - low + Long.MIN_VALUE < width) {
                hit(word, first + at);
            }
        }
    }

    private void hit(long word, long at) {
        int found = index.target(word);
        if (found != BlockIndex.NONE && (found & BlockIndex.MOST) != source) {
            offset = at;
            sink.edge(found, atOffset);
        }
    }

    /** How many blocks were harmed or torn. */
    long damaged() {
        return damaged;
    }

    /** How many bytes of blocks could not be read. */
    long unreadable() {
        return unreadable;
    }

    @Override
    public void close() {
        for (EdgeSource one : sources) {
            if (one != null) {
                one.close();
            }
        }
        if (window != null) {
            window.close();
        }
    }
}
