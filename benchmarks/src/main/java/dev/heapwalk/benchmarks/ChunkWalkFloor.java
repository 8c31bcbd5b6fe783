// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocArena;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.Window;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.stream.LongStream;

/** The walk of {@code chunk_walk.c}, compiled here and fed with what the discovery found. */
final class ChunkWalkFloor extends Floor {
    private static final FunctionDescriptor CHUNK_WALK = FunctionDescriptor.of(
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_INT,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS);
    private static final int STATES = ChunkState.values().length;
    private static final int REGION_WORDS = 4;

    private final MethodHandle chunkWalk;
    private final MemorySegment regions;
    private final long regionCount;
    private final MemorySegment listed;
    private final MemorySegment tally;

    ChunkWalkFloor(MallocHeap heap) {
        super(pid(heap.target()));
        Target target = heap.target();
        chunkWalk = FloorLibrary.function("chunk_walk.c", "chunk_walk", CHUNK_WALK, memory);
        List<MallocArena> arenas = heap.arenas();
        regionCount = arenas.stream().mapToLong(arena -> arena.regions().size()).sum();
        regions = memory.allocate(ValueLayout.JAVA_LONG, regionCount * REGION_WORDS);
        long index = 0;
        for (MallocArena arena : arenas) {
            for (MallocArena.Region region : arena.regions()) {
                regions.setAtIndex(ValueLayout.JAVA_LONG, index++, region.start());
                regions.setAtIndex(ValueLayout.JAVA_LONG, index++, region.end());
                regions.setAtIndex(ValueLayout.JAVA_LONG, index++, arena.top());
                regions.setAtIndex(ValueLayout.JAVA_LONG, index++, local(target, region));
            }
        }
        listed = listed(heap);
        tally = memory.allocate(ValueLayout.JAVA_LONG, STATES * 2L + 1);
    }

    private static long local(Target target, MallocArena.Region region) {
        if (target.mode() != Target.Mode.CORE) {
            return 0;
        }
        Window window = target.memory().window();
        long offset = window.require(region.start(), 16);
        if (window.available(offset) < region.end() - region.start()) {
            throw new IllegalStateException("the core holds the region in several pieces");
        }
        return window.segment().address() + offset;
    }

    /** What is walked, for a plain copy of it. */
    List<CopyFloor.Range> ranges() {
        return LongStream.range(0, regionCount)
                .map(region -> region * REGION_WORDS)
                .mapToObj(at -> new CopyFloor.Range(
                        regions.getAtIndex(ValueLayout.JAVA_LONG, at),
                        regions.getAtIndex(ValueLayout.JAVA_LONG, at + 1)
                                - regions.getAtIndex(ValueLayout.JAVA_LONG, at),
                        regions.getAtIndex(ValueLayout.JAVA_LONG, at + 3)))
                .toList();
    }

    /**
     * The chunks of fastbins and thread caches in address order, each with its state in the low bits, and a sentinel.
     */
    private MemorySegment listed(MallocHeap heap) {
        LongStream.Builder found = LongStream.builder();
        ChunkCursor chunk = heap.chunks();
        while (chunk.next()) {
            ChunkState state = chunk.state();
            if ((state == ChunkState.FASTBIN || state == ChunkState.TCACHE) && !chunk.mmapped()) {
                found.add(chunk.address() | state.ordinal());
            }
        }
        return memory.allocateFrom(
                ValueLayout.JAVA_LONG, found.add(Long.MAX_VALUE).build().toArray());
    }

    /** Walks once; returns the bytes in used chunks. */
    long walk() {
        int failed;
        try {
            failed = (int) chunkWalk.invokeExact(
                    pid, regions, regionCount, listed, listed.byteSize() / Long.BYTES, buffer, WINDOW, tally);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
        if (failed != 0) {
            throw unreadable();
        }
        return bytes(ChunkState.USED);
    }

    long chunks(ChunkState state) {
        return tally.getAtIndex(ValueLayout.JAVA_LONG, state.ordinal());
    }

    long bytes(ChunkState state) {
        return tally.getAtIndex(ValueLayout.JAVA_LONG, STATES + state.ordinal());
    }
}
