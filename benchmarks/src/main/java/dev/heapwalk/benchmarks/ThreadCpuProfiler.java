// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;

/**
 * The CPU time of the measuring threads, and of those that read ahead for them, as a secondary result: on a shared machine it says more
 * than wall time. It counts native code that a thread calls and the kernel's work for it.
 */
public final class ThreadCpuProfiler implements InternalProfiler {
    /** The name of the result, in milliseconds for each operation. */
    static final String RESULT = "cpu";

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private final Map<Long, Long> before = new HashMap<>();

    /** Made by JMH. */
    public ThreadCpuProfiler() {}

    @Override
    public String getDescription() {
        return "CPU time of the measuring threads";
    }

    @Override
    public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
        before.clear();
        before.putAll(workers());
    }

    @Override
    public Collection<? extends Result<?>> afterIteration(
            BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
        long nanos = 0;
        for (Map.Entry<Long, Long> worker : workers().entrySet()) {
            nanos += worker.getValue() - before.getOrDefault(worker.getKey(), 0L);
        }
        long operations = result.getMetadata().getAllOps();
        return operations == 0
                ? List.of()
                : List.of(new ScalarResult(RESULT, nanos / 1e6 / operations, "ms/op", AggregationPolicy.AVG));
    }

    private static Map<Long, Long> workers() {
        Map<Long, Long> times = new HashMap<>();
        for (long id : THREADS.getAllThreadIds()) {
            var info = THREADS.getThreadInfo(id);
            if (info != null && (info.getThreadName().contains("jmh-worker") || info.getThreadName().startsWith("heapwalk"))) {
                times.put(id, THREADS.getThreadCpuTime(id));
            }
        }
        return times;
    }
}
