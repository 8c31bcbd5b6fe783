// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One pass over every chunk of a heap, as {@link ChunkCursor} does it and as the same loop does it in C. Over a process
 * a pass copies the memory too; over a core it is the walk alone.
 */
final class ChunkWalk implements Subject.Ready {

    private final BenchmarkTarget opened;
    private final ChunkWalkFloor floor;
    private final CopyFloor copy;
    private final ChunkCursor chunk;
    private final long[] chunks = new long[ChunkState.values().length];
    private final long[] bytes = new long[ChunkState.values().length];

    /** Walks over heaps of all makes and sizes. */
    static List<Subject<?>> subjects() {
        List<Subject<?>> all = new ArrayList<>();
        for (Source source : Source.values()) {
            all.add(small(Suite.Set.QUICK, source, MallocProgram.FRESH, 10_000));
            all.add(small(Suite.Set.QUICK, source, MallocProgram.FRESH, 1_000_000));
            all.add(small(Suite.Set.QUICK, source, MallocProgram.FRAGMENTED, 10_000));
            all.add(small(Suite.Set.SHORT, source, MallocProgram.FRAGMENTED, 1_000_000));
            all.add(small(Suite.Set.FULL, source, MallocProgram.FRAGMENTED, 10_000_000));
        }
        all.add(small(Suite.Set.FULL, Source.PROCESS, MallocProgram.FRESH, 10_000_000));
        all.add(small(Suite.Set.FULL, Source.CORE, MallocProgram.FRESH, 10_000_000));
        all.add(small(Suite.Set.QUICK, Source.PROCESS, MallocProgram.ARENAS, 1_000_000));
        all.add(small(Suite.Set.FULL, Source.PROCESS, MallocProgram.ARENAS, 10_000_000));
        all.add(walk(Suite.Set.QUICK, Source.PROCESS, MallocProgram.LARGE, 5_500)
                .goal("c wall", 1 / 10.0));
        return all;
    }

    /** Over small blocks. Of a process a second thread reads ahead, so there it is the clock that counts. */
    private static Subject<ChunkWalk> small(Suite.Set set, Source source, MallocProgram program, int mallocs) {
        Subject<ChunkWalk> walk = walk(set, source, program, mallocs);
        return source == Source.CORE
                ? walk.goal("c cpu", 1.05)
                : walk.goal("c wall", mallocs >= 10_000_000 ? 1 / 1.6 : 1.10);
    }

    private static Subject<ChunkWalk> walk(Suite.Set set, Source source, MallocProgram program, int mallocs) {
        return Subject.of(
                        "ChunkWalk/%s/%s/%s".formatted(source.label(), program.label(), Suite.count(mallocs)),
                        set,
                        () -> new ChunkWalk(source, program, mallocs))
                .way(Way.JAVA, ChunkWalk::java)
                .way(Way.C, ChunkWalk::c)
                .way(Way.COPY, ChunkWalk::copy);
    }

    /** Starts the program, opens it, and holds both walks against each other. */
    private ChunkWalk(Source source, MallocProgram program, int mallocs) throws IOException {
        opened = BenchmarkTarget.of(source, program, mallocs);
        MallocHeap located = MallocHeap.locate(opened.target());
        floor = new ChunkWalkFloor(located);
        copy = new CopyFloor(floor.pid(), floor.ranges());
        chunk = located.chunks();
        floor.walk();
        walk();
        for (ChunkState state : ChunkState.values()) {
            if (chunks[state.ordinal()] != floor.chunks(state) || bytes[state.ordinal()] != floor.bytes(state)) {
                throw new IllegalStateException("%s: the cursor counts %,d chunks of %,d bytes, the floor %,d of %,d"
                        .formatted(
                                state,
                                chunks[state.ordinal()],
                                bytes[state.ordinal()],
                                floor.chunks(state),
                                floor.bytes(state)));
            }
        }
    }

    /** Ends the program. */
    @Override
    public void close() {
        copy.close();
        floor.close();
        opened.close();
    }

    /** Counts the chunks and the bytes in each state, as the floor does. */
    private void walk() {
        Arrays.fill(chunks, 0);
        Arrays.fill(bytes, 0);
        ChunkCursor cursor = chunk;
        long[] count = chunks;
        long[] sum = bytes;
        cursor.rewind();
        while (cursor.next()) {
            int state = cursor.state().ordinal();
            count[state]++;
            sum[state] += cursor.size();
        }
    }

    /** Walks by the cursor; returns the bytes in used chunks. */
    private long java() {
        walk();
        return bytes[ChunkState.USED.ordinal()];
    }

    /** Walks by the same loop in C; returns the bytes in used chunks. */
    private long c() {
        return floor.walk();
    }

    /** Copies the heap; returns the bytes. */
    private long copy() {
        return copy.copy();
    }
}
