// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.ruby.RubyVm;
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

/** Discovery: how long it takes to find a heap, without any knowledge from before. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class Locate implements Subject {

    /** What is looked for: {@code malloc} or {@code ruby}. */
    @Param({"malloc", "ruby"})
    public String what;

    /** Where: {@code process} or {@code core}. */
    @Param({"process", "core"})
    public String source;

    /** How many blocks or objects the program holds. */
    @Param("1000000")
    public int count;

    private BenchmarkTarget opened;

    /** Made by JMH, which sets the parameters. */
    public Locate() {}

    Locate(String what, String source, int count) {
        this.what = what;
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
        opened = what.equals("ruby")
                ? BenchmarkTarget.ruby(source, BenchmarkTarget.ruby(BenchmarkTarget.FRAGMENTED, count))
                : BenchmarkTarget.malloc(source, BenchmarkTarget.FRAGMENTED, count);
    }

    /** Ends the program. */
    @TearDown
    @Override
    public void close() {
        opened.close();
    }

    /**
     * The discovery.
     *
     * @return how many arenas or pages were found
     */
    @Benchmark
    public long java() {
        return what.equals("ruby")
                ? RubyVm.locate(opened.target()).pages().count()
                : MallocHeap.locate(opened.target()).arenas().size();
    }

    @Override
    public List<Lane> lanes() {
        return List.of(new Lane(JAVA, this::java));
    }
}
