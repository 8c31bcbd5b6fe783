// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
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

/** Any subject, by JMH: one way of it in a JVM, which {@link Benchmarks} chooses. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 8, time = 1)
public class InJmh {
    /** Stands between the name of a subject and that of a way. */
    static final String WAY = ": ";

    private static final long USUAL_WARM_UP_NANOS = 5_000_000_000L;

    /** The name of the subject and that of the way. */
    @Param("")
    public String subject;

    private Opened opened;
    private LongSupplier work;

    /** Made by JMH, which sets the parameter. */
    public InJmh() {}

    /**
     * Starts the target and opens it.
     *
     * @throws Exception if it can't be started or read
     */
    @Setup
    public void open() throws Exception {
        String[] parts = subject.split(WAY, 2);
        Subject<?> described = Suite.subject(parts[0])
                .orElseThrow(() -> new IllegalArgumentException("there is no subject " + parts[0]));
        opened = described.open();
        work = opened.lanes().stream()
                .filter(lane -> lane.name().equals(parts[1]))
                .findFirst()
                .orElseThrow()
                .work();
        // JMH's own comes on top.
        long nanos = (described.slowToWarmUp() - 1) * USUAL_WARM_UP_NANOS;
        for (long begun = System.nanoTime(); System.nanoTime() - begun < nanos; ) {
            work.getAsLong();
        }
    }

    /** Ends the target. */
    @TearDown
    public void close() {
        opened.close();
    }

    /**
     * Does the work once.
     *
     * @return what comes of it
     */
    @Benchmark
    public long operation() {
        return work.getAsLong();
    }
}
