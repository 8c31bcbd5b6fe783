// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.jemalloc.BinInfo;
import dev.heapwalk.jemalloc.JemallocCursor;
import dev.heapwalk.jemalloc.JemallocHeap;
import dev.heapwalk.jemalloc.JemallocState;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.Window;
import dev.heapwalk.mimalloc.MimallocCursor;
import dev.heapwalk.mimalloc.MimallocHeap;
import dev.heapwalk.mimalloc.MimallocState;
import dev.heapwalk.musl.MuslCursor;
import dev.heapwalk.musl.MuslHeap;
import dev.heapwalk.tcmalloc.TcmallocCursor;
import dev.heapwalk.tcmalloc.TcmallocHeap;
import dev.heapwalk.tcmalloc.TcmallocState;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import java.util.stream.LongStream;

/** The walks of {@code block_walk.c}, compiled here and fed with what the discovery found. */
final class BlockWalkFloor extends Floor {
    /** No allocator has more states of blocks. */
    static final int STATES = 16;

    private static final FunctionDescriptor WALK = FunctionDescriptor.of(
            ValueLayout.JAVA_INT,
            ValueLayout.ADDRESS,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS,
            ValueLayout.ADDRESS);
    /** A part that has blocks of one size, and no state of its own. */
    private static final long MANY = -1;
    /** Lines of 16 KiB, as many as the cursors keep, and for each the number of the line that is there. */
    private static final long LINES = 256;

    private static final long LINE = 1 << 14;
    private static final long MEMORY_WORDS = 6;
    /** As much as is read at once, with a header before it. */
    private static final long SIDE = LINE + Long.BYTES;

    private final MethodHandle walk;
    private final MemorySegment read;
    private final MemorySegment parts;
    private final long count;
    private final MemorySegment kept;
    private final MemorySegment tally;

    /** Blocks of one size side by side, or one block: what follows them is in {@code block_walk.c}. */
    private record Part(long structure, long first, long size, long count, long state) {}

    private BlockWalkFloor(Heap heap, String function, List<Part> all, LongStream kept) {
        super(pid(heap.target()));
        walk = FloorLibrary.function("block_walk.c", function, WALK, memory);
        count = all.size();
        parts = memory.allocateFrom(
                ValueLayout.JAVA_LONG,
                all.stream()
                        .flatMapToLong(
                                part -> LongStream.of(part.structure, part.first, part.size, part.count, part.state))
                        .toArray());
        this.kept = memory.allocateFrom(
                ValueLayout.JAVA_LONG,
                LongStream.concat(kept.sorted(), LongStream.of(Long.MAX_VALUE)).toArray());
        tally = memory.allocate(ValueLayout.JAVA_LONG, 2L * STATES);
        long[] pieces = pid == 0 ? pieces(heap.target()) : new long[0];
        read = memory.allocate(ValueLayout.JAVA_LONG, MEMORY_WORDS);
        read.setAtIndex(ValueLayout.JAVA_LONG, 0, pid);
        read.setAtIndex(
                ValueLayout.JAVA_LONG,
                1,
                memory.allocateFrom(ValueLayout.JAVA_LONG, pieces).address());
        read.setAtIndex(ValueLayout.JAVA_LONG, 2, pieces.length / 3);
        read.setAtIndex(
                ValueLayout.JAVA_LONG,
                3,
                memory.allocate(LINES * LINE, 4096).fill((byte) 1).address());
        read.setAtIndex(
                ValueLayout.JAVA_LONG,
                4,
                memory.allocate(ValueLayout.JAVA_LONG, LINES).address());
        read.setAtIndex(
                ValueLayout.JAVA_LONG, 5, memory.allocate(SIDE, Long.BYTES).address());
    }

    /** Where a core has what: addresses, lengths, addresses here. */
    private static long[] pieces(Target target) {
        LongStream.Builder pieces = LongStream.builder();
        try (Window window = target.memory().window()) {
            for (Mapping mapping : target.memory().mappings()) {
                long at = mapping.start();
                while (at < mapping.end()) {
                    long offset = window.find(at, 1);
                    if (offset < 0) {
                        break;
                    }
                    long length = Math.min(window.available(offset), mapping.end() - at);
                    pieces.add(at).add(length).add(window.segment().address() + offset);
                    at += length;
                }
            }
        }
        return pieces.build().toArray();
    }

    static BlockWalkFloor of(JemallocHeap heap) {
        List<BinInfo> bins = heap.binInfos();
        try (JemallocCursor block = heap.blocks()) {
            LongStream.Builder kept = LongStream.builder();
            List<Part> parts = parts(
                    block,
                    one -> one.szind() >= 0
                            && one.szind() < bins.size()
                            && one.size() == bins.get(one.szind()).regSize(),
                    block::edata,
                    JemallocCursor::address,
                    one -> keep(
                            kept,
                            one.address(),
                            one.nameIndex(),
                            one.jemallocState() == JemallocState.TCACHE
                                    || one.jemallocState() == JemallocState.METADATA));
            return new BlockWalkFloor(heap, "jemalloc_walk", parts, kept.build());
        }
    }

    static BlockWalkFloor of(TcmallocHeap heap) {
        try (TcmallocCursor block = heap.blocks()) {
            LongStream.Builder kept = LongStream.builder();
            List<Part> parts = parts(
                    block,
                    one -> one.sizeClass() > 0,
                    block::span,
                    TcmallocCursor::address,
                    one -> keep(
                            kept,
                            one.address(),
                            one.nameIndex(),
                            one.tcmallocState() == TcmallocState.TCACHE
                                    || one.tcmallocState() == TcmallocState.TRANSFER));
            return new BlockWalkFloor(heap, "tcmalloc_walk", parts, kept.build());
        }
    }

    static BlockWalkFloor of(MimallocHeap heap) {
        try (MimallocCursor block = heap.blocks()) {
            LongStream.Builder kept = LongStream.builder();
            List<Part> parts = parts(
                    block,
                    one -> one.region() >= 0 && one.mimallocState().ordinal() <= MimallocState.DELAYED_FREE.ordinal(),
                    block::miPage,
                    MimallocCursor::address,
                    one -> keep(
                            kept, one.address(), one.nameIndex(), one.mimallocState() == MimallocState.DELAYED_FREE));
            return new BlockWalkFloor(heap, "mimalloc_walk", parts, kept.build());
        }
    }

    static BlockWalkFloor of(MuslHeap heap) {
        try (MuslCursor block = heap.blocks()) {
            // A block may begin further behind in its slot.
            List<Part> parts = parts(
                    block,
                    one -> one.group() != 0,
                    block::meta,
                    one -> one.group() + Long.BYTES + Long.BYTES + one.slot() * one.size(),
                    _ -> {});
            return new BlockWalkFloor(heap, "musl_walk", parts, LongStream.empty());
        }
    }

    private static void keep(LongStream.Builder kept, long address, int state, boolean whether) {
        if (whether) {
            // Blocks begin at multiples of 8; those with other states than the structure tells have theirs here.
            kept.add(address | state);
        }
    }

    private interface Each<C> {
        void at(C block);
    }

    private static <C extends BlockCursor> List<Part> parts(
            C block, Predicate<C> small, LongSupplier structure, ToLongFunction<C> start, Each<C> each) {
        List<Part> parts = new ArrayList<>();
        long of = 0;
        long first = 0;
        long size = 0;
        long count = 0;
        while (block.next()) {
            boolean many = small.test(block);
            if (count > 0 && (!many || structure.getAsLong() != of)) {
                parts.add(new Part(of, first, size, count, MANY));
                count = 0;
            }
            if (!many) {
                parts.add(new Part(0, block.address(), block.size(), 1, block.nameIndex()));
                continue;
            }
            if (count++ == 0) {
                of = structure.getAsLong();
                first = start.applyAsLong(block);
                size = block.size();
            }
            each.at(block);
        }
        if (count > 0) {
            parts.add(new Part(of, first, size, count, MANY));
        }
        return parts;
    }

    /** Walks once; returns the bytes in used blocks. */
    long walk() {
        int failed;
        try {
            failed = (int) walk.invokeExact(read, parts, count, kept, tally);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
        if (failed != 0) {
            throw unreadable();
        }
        return bytes(0);
    }

    long blocks(int state) {
        return tally.getAtIndex(ValueLayout.JAVA_LONG, state);
    }

    long bytes(int state) {
        return tally.getAtIndex(ValueLayout.JAVA_LONG, STATES + state);
    }
}
