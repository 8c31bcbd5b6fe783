// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.malloc.MallocHeap;
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
 * One pass over every chunk of a heap that also says what each is used for, as {@link UsageCursor} does it. It is held
 * against the bare walk in C, which says nothing of use.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class Categorize implements Subject {

    /** The program: {@code strings} (C strings) or {@code ruby}. */
    @Param({"strings", "ruby"})
    public String program;

    /** Where the heap is read from. */
    @Param({"process", "core"})
    public String source;

    /** How many blocks or objects the program holds. */
    @Param("1000000")
    public int count;

    private BenchmarkTarget opened;
    private MallocHeap heap;
    private ChunkWalkFloor floor;
    private CopyFloor copy;

    /** Made by JMH, which sets the parameters. */
    public Categorize() {}

    Categorize(String program, String source, int count) {
        this.program = program;
        this.source = source;
        this.count = count;
    }

    /**
     * Starts the program and opens it.
     *
     * @throws Exception if the program can't be started or read
     */
    @Setup
    @Override
    public void open() throws Exception {
        opened = program.equals("ruby")
                ? BenchmarkTarget.ruby(source, BenchmarkTarget.ruby(BenchmarkTarget.FRAGMENTED, count))
                : BenchmarkTarget.malloc(source, program, count);
        heap = MallocHeap.locate(opened.target());
        floor = new ChunkWalkFloor(heap);
        copy = new CopyFloor(floor.pid(), floor.ranges());
        long categorized = java();
        if (categorized < count / 2) {
            throw new IllegalStateException(
                    "only %,d of some %,d blocks have a category".formatted(categorized, count));
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

    /**
     * A new cursor, over the whole heap.
     *
     * @return how many used chunks and blocks there are
     */
    @Benchmark
    public long java() {
        UsageCursor usage = UsageCursor.over(Heaps.of(opened.target()));
        long used = 0;
        while (usage.next()) {
            if (usage.category() != Category.NONE) {
                used++;
            }
        }
        return used;
    }

    /**
     * The walk over the chunks alone, in C.
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
        return List.of(new Lane(JAVA, this::java), new Lane(WALK, this::c), new Lane(COPY, this::copy));
    }
}
