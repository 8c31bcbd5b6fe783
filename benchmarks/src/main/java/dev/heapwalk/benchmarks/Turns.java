// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

/**
 * Measures the ways of a subject in turn, one after the other, many times. JMH measures one for seconds and
 * then the next: where others use the machine too, it has changed meanwhile. Two that were measured within milliseconds
 * had the same machine, so the median of their ratios holds.
 */
final class Turns {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final long SHORTEST_NANOS = 4_000_000;
    private static final long ENDING_NANOS = 10_000_000;
    private static final int FEWEST = 9;
    private static final int MOST = 150;
    private static final int IN_A_ROW = 9;
    private static final double IN_A_ROW_SECONDS = 4;

    private final long warmUpNanos;
    private final long nanos;
    private final long inARowNanos;
    // Kept, so that no work is left out.
    private long sum;

    /**
     * Prepares to measure.
     *
     * @param warmUpSeconds how long nothing is measured
     * @param seconds how long is measured, if 9 turns don't take longer and 150 not less
     * @param patience how many times as long everything may take, on a machine that others use
     */
    Turns(double warmUpSeconds, double seconds, int patience) {
        warmUpNanos = (long) (warmUpSeconds * patience * 1e9);
        nanos = (long) (seconds * patience * 1e9);
        inARowNanos = (long) (IN_A_ROW_SECONDS * patience * 1e9);
    }

    /** What one way took, in each turn, for one operation. */
    private static final class Series {
        private final Opened.Lane lane;
        private final double[] wall = new double[MOST];
        private final double[] cpu = new double[MOST];
        private double allocated = Double.POSITIVE_INFINITY;
        private long batch;

        private Series(Opened.Lane lane) {
            this.lane = lane;
        }
    }

    /** Measures a subject, some of which need more than the usual time to warm up. */
    Measurement measure(Opened subject, int slowToWarmUp) {
        List<Series> all = subject.lanes().stream().map(Series::new).toList();
        calibrate(all);
        long begun = System.nanoTime();
        while (System.nanoTime() - begun < warmUpNanos) {
            for (Series series : all) {
                run(series, 0);
            }
        }
        // The others need less of it, and may take most of the time.
        begun = System.nanoTime();
        while (System.nanoTime() - begun < warmUpNanos * slowToWarmUp) {
            run(all.getFirst(), 0);
        }
        // Java was still interpreted when it was first asked how long it takes.
        calibrate(all);
        int turns = 0;
        begun = System.nanoTime();
        while (turns < FEWEST || turns < MOST && System.nanoTime() - begun < nanos) {
            for (Series series : all) {
                run(series, turns);
            }
            turns++;
        }
        all.forEach(this::runInARow);
        if (sum == Long.MIN_VALUE) {
            throw new AssertionError("never so");
        }
        return measurement(all, turns, subject.steps());
    }

    private void calibrate(List<Series> all) {
        for (Series series : all) {
            series.batch = batch(series.lane.work());
        }
    }

    /** How often the work is done in a turn, so that the clock's own error is small. */
    private long batch(LongSupplier work) {
        long batch = 1;
        while (true) {
            long begun = System.nanoTime();
            repeat(work, batch);
            long took = System.nanoTime() - begun;
            if (took >= SHORTEST_NANOS) {
                return batch;
            }
            batch *= Math.clamp(SHORTEST_NANOS / Math.max(took, 1) + 1, 2, 8);
        }
    }

    private void repeat(LongSupplier work, long times) {
        for (long i = 0; i < times; i++) {
            sum += work.getAsLong();
        }
    }

    private void run(Series series, int turn) {
        String own = Thread.currentThread().getName();
        boolean ours = series.lane.name().equals(Way.JAVA);
        Predicate<String> counts = name -> name.equals(own) || ours && CpuTimes.readsAhead(name);
        CpuTimes before = CpuTimes.now(counts);
        long begun = System.nanoTime();
        repeat(series.lane.work(), series.batch);
        long ended = System.nanoTime();
        CpuTimes after = CpuTimes.now(counts);
        double times = series.batch;
        series.wall[turn] = (ended - begun) / times;
        series.cpu[turn] = after.since(before) / times;
    }

    /**
     * For what is allocated, of which the least counts: what each one allocates. A walker's second thread ends when it
     * was idle for a while, and is then made again; and what makes few calls in an operation may do so for some seconds
     * before they are compiled for good, without an object for each. All threads count, those too that came and went
     * meanwhile: those that write a dump do.
     */
    private void runInARow(Series series) {
        repeat(series.lane.work(), 1);
        long begun = System.nanoTime();
        for (int i = 0; i < IN_A_ROW || series.allocated > 0 && System.nanoTime() - begun < inARowNanos; i++) {
            long before = allocatedBytes(series.lane);
            repeat(series.lane.work(), series.batch);
            series.allocated =
                    Math.min(series.allocated, (allocatedBytes(series.lane) - before) / (double) series.batch);
        }
    }

    private static long allocatedBytes(Opened.Lane lane) {
        if (!lane.here()) {
            // While a thread ends, it may be counted twice.
            LockSupport.parkNanos(ENDING_NANOS);
        }
        return THREADS.getTotalThreadAllocatedBytes();
    }

    private static Measurement measurement(List<Series> all, int turns, long steps) {
        Map<String, Measurement.Figures> ways = new LinkedHashMap<>();
        Map<String, Double> ratios = new LinkedHashMap<>();
        Map<String, Double> best = new LinkedHashMap<>();
        for (Series series : all) {
            ways.put(
                    series.lane.name(),
                    new Measurement.Figures(
                            Medians.of(Arrays.copyOf(series.wall, turns)) / 1e6,
                            Medians.of(Arrays.copyOf(series.cpu, turns)) / 1e6,
                            series.allocated,
                            series.lane.written()));
        }
        Series ours = all.getFirst();
        for (Series floor : all.subList(1, all.size())) {
            if (ours.lane.here() && floor.lane.here()) {
                String ratio = floor.lane.name() + " cpu";
                ratios.put(ratio, Medians.of(quotients(ours.cpu, floor.cpu, turns)));
                best.put(ratio, least(ours.cpu, turns) / least(floor.cpu, turns));
            }
            ratios.put(floor.lane.name() + " wall", Medians.of(quotients(ours.wall, floor.wall, turns)));
        }
        return new Measurement(1, turns, steps, ways, ratios, best);
    }

    private static double[] quotients(double[] numerators, double[] denominators, int turns) {
        double[] quotients = new double[turns];
        for (int i = 0; i < turns; i++) {
            quotients[i] = numerators[i] / denominators[i];
        }
        return quotients;
    }

    private static double least(double[] values, int count) {
        return Arrays.stream(values, 0, count).min().orElseThrow();
    }
}
