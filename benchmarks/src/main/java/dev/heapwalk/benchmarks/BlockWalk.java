// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.jemalloc.JemallocCursor;
import dev.heapwalk.jemalloc.JemallocHeap;
import dev.heapwalk.mimalloc.MimallocCursor;
import dev.heapwalk.mimalloc.MimallocHeap;
import dev.heapwalk.musl.MuslCursor;
import dev.heapwalk.musl.MuslHeap;
import dev.heapwalk.tcmalloc.TcmallocCursor;
import dev.heapwalk.tcmalloc.TcmallocHeap;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One pass over every block of an allocator that takes the place of the C library's, as its cursor does it and as the
 * same loop does it in C. Both keep what they have read of a process as long as there is room.
 */
final class BlockWalk implements Subject.Ready {
    private final BenchmarkTarget opened;
    private final BlockWalkFloor floor;
    private final Pass pass;
    private final long[] blocks = new long[BlockWalkFloor.STATES];
    private final long[] bytes = new long[BlockWalkFloor.STATES];

    /** Counts the blocks and the bytes in each state. */
    private interface Pass {
        void walk(long[] blocks, long[] bytes);
    }

    /** Walks over all allocators. */
    static List<Subject<?>> subjects() {
        List<Subject<?>> all = new ArrayList<>();
        for (Allocator allocator : Allocator.values()) {
            for (Source source : Source.values()) {
                all.add(walk(source == Source.CORE ? Suite.Set.SHORT : Suite.Set.QUICK, allocator, source, 1_000_000));
                all.add(walk(Suite.Set.FULL, allocator, source, 10_000_000));
            }
        }
        return all;
    }

    private static Subject<BlockWalk> walk(Suite.Set set, Allocator allocator, Source source, int mallocs) {
        return Subject.of(
                        "BlockWalk/%s/%s/%s".formatted(allocator.label(), source.label(), Suite.count(mallocs)),
                        set,
                        () -> new BlockWalk(allocator, source, mallocs))
                .way(Way.JAVA, BlockWalk::java)
                .way(Way.C, BlockWalk::c);
    }

    /** Starts the program, opens it, and holds both walks against each other. */
    private BlockWalk(Allocator allocator, Source source, int mallocs) throws IOException {
        opened = BenchmarkTarget.of(source, allocator, mallocs);
        switch (allocator) {
            case JEMALLOC -> {
                JemallocHeap heap = JemallocHeap.locate(opened.target());
                floor = BlockWalkFloor.of(heap);
                JemallocCursor block = heap.blocks();
                pass = (count, sum) -> walk(block, count, sum);
            }
            case TCMALLOC -> {
                TcmallocHeap heap = TcmallocHeap.locate(opened.target());
                floor = BlockWalkFloor.of(heap);
                TcmallocCursor block = heap.blocks();
                pass = (count, sum) -> walk(block, count, sum);
            }
            case MIMALLOC -> {
                MimallocHeap heap = MimallocHeap.locate(opened.target());
                floor = BlockWalkFloor.of(heap);
                MimallocCursor block = heap.blocks();
                pass = (count, sum) -> walk(block, count, sum);
            }
            case MUSL -> {
                MuslHeap heap = MuslHeap.locate(opened.target());
                floor = BlockWalkFloor.of(heap);
                MuslCursor block = heap.blocks();
                pass = (count, sum) -> walk(block, count, sum);
            }
            default -> throw new IllegalArgumentException(allocator.label());
        }
        floor.walk();
        java();
        for (int state = 0; state < BlockWalkFloor.STATES; state++) {
            if (blocks[state] != floor.blocks(state) || bytes[state] != floor.bytes(state)) {
                throw new IllegalStateException(
                        "state %d: the cursor counts %,d blocks of %,d bytes, the floor %,d of %,d"
                                .formatted(
                                        state, blocks[state], bytes[state], floor.blocks(state), floor.bytes(state)));
            }
        }
    }

    /** Ends the program. */
    @Override
    public void close() {
        floor.close();
        opened.close();
    }

    private static void walk(JemallocCursor block, long[] count, long[] sum) {
        block.rewind();
        while (block.next()) {
            int state = block.nameIndex();
            count[state]++;
            sum[state] += block.size();
        }
    }

    private static void walk(TcmallocCursor block, long[] count, long[] sum) {
        block.rewind();
        while (block.next()) {
            int state = block.nameIndex();
            count[state]++;
            sum[state] += block.size();
        }
    }

    private static void walk(MimallocCursor block, long[] count, long[] sum) {
        block.rewind();
        while (block.next()) {
            int state = block.nameIndex();
            count[state]++;
            sum[state] += block.size();
        }
    }

    private static void walk(MuslCursor block, long[] count, long[] sum) {
        block.rewind();
        while (block.next()) {
            int state = block.nameIndex();
            count[state]++;
            sum[state] += block.size();
        }
    }

    /** Walks by the cursor; returns the bytes in used blocks. */
    private long java() {
        Arrays.fill(blocks, 0);
        Arrays.fill(bytes, 0);
        pass.walk(blocks, bytes);
        return bytes[0];
    }

    /** Walks by the same loop in C; returns the bytes in used blocks. */
    private long c() {
        return floor.walk();
    }
}
