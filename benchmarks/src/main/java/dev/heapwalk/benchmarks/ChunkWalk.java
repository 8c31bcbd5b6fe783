// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.memory.Target;
import java.util.Arrays;
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
 * One pass over every chunk of a heap, as {@link ChunkCursor} does it and as the same loop does it in C. Over a process a
 * pass copies the memory too; over a core it is the walk alone.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 8, time = 1)
public class ChunkWalk {

    /** Where the heap is read from. */
    @Param({"process", "core"})
    public String source;

    /** How many chunks the program allocated; a third of them it freed again. */
    @Param("1000000")
    public int mallocs;

    private BenchmarkTarget opened;
    private MallocHeap heap;
    private ChunkWalkFloor floor;
    private ChunkCursor chunk;
    private final long[] chunks = new long[ChunkState.values().length];
    private final long[] bytes = new long[ChunkState.values().length];

    /**
     * Starts the program, opens it, and holds both walks against each other.
     *
     * @throws Exception if the program can't be started or read
     */
    @Setup
    public void open() throws Exception {
        opened = BenchmarkTarget.open(source, mallocs);
        heap = MallocHeap.locate(opened.target());
        floor = new ChunkWalkFloor(heap);
        chunk = heap.chunks();
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
    public void close() {
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
}
