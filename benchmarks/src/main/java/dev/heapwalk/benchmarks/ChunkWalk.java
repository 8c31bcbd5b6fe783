// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One pass over every chunk of a heap, as {@link ChunkCursor} does it and as the same loop does it in C. Over a process
 * a pass copies the memory too; over a core it is the walk alone.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 8, time = 1)
public class ChunkWalk implements Subject {

    /** Where the heap is read from. */
    @Param({"process", "core"})
    public String source;

    /** What it is like: {@code fresh}, {@code fragmented}, {@code arenas} or {@code large}. */
    @Param("fragmented")
    public String heap;

    /** How often the program called malloc. */
    @Param("1000000")
    public int mallocs;

    private BenchmarkTarget opened;
    private ChunkWalkFloor floor;
    private CopyFloor copy;
    private ChunkCursor chunk;
    private final long[] chunks = new long[ChunkState.values().length];
    private final long[] bytes = new long[ChunkState.values().length];

    /** Made by JMH, which sets the parameters. */
    public ChunkWalk() {}

    ChunkWalk(String source, String heap, int mallocs) {
        this.source = source;
        this.heap = heap;
        this.mallocs = mallocs;
    }

    /**
     * Starts the program, opens it, and holds both walks against each other.
     *
     * @throws Exception if the program can't be started or read
     */
    @Setup
    @Override
    public void open() throws Exception {
        opened = BenchmarkTarget.malloc(source, heap, mallocs);
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
    @TearDown
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

    /**
     * The cursor.
     *
     * @return bytes in used chunks
     */
    @Benchmark
    public long java() {
        walk();
        return bytes[ChunkState.USED.ordinal()];
    }

    /**
     * The same loop in C.
     *
     * @return bytes in used chunks
     */
    @Benchmark
    public long c() {
        return floor.walk();
    }

    /**
     * A plain copy of the heap.
     *
     * @return bytes
     */
    @Benchmark
    public long copy() {
        return copy.copy();
    }

    @Override
    public List<Lane> lanes() {
        return List.of(new Lane(JAVA, this::java), new Lane(C, this::c), new Lane(COPY, this::copy));
    }
}
