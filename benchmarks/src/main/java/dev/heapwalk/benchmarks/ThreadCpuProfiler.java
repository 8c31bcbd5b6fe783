// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;

/**
 * The CPU time of the measuring threads, and of those that read ahead for them, as a secondary result: on a shared
 * machine it says more than wall time. It counts native code that a thread calls and the kernel's work for it.
 */
public final class ThreadCpuProfiler implements InternalProfiler {
    /** The name of the result, in milliseconds for each operation. */
    static final String RESULT = "cpu";

    private CpuTimes before;

    /** Made by JMH. */
    public ThreadCpuProfiler() {}

    @Override
    public String getDescription() {
        return "CPU time of the measuring threads";
    }

    @Override
    public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
        before = workers();
    }

    @Override
    public Collection<? extends Result<?>> afterIteration(
            BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
        long nanos = workers().since(before);
        long operations = result.getMetadata().getAllOps();
        return operations == 0
                ? List.of()
                : List.of(new ScalarResult(RESULT, nanos / 1e6 / operations, "ms/op", AggregationPolicy.AVG));
    }

    private static CpuTimes workers() {
        return CpuTimes.now(name -> name.contains("jmh-worker") || CpuTimes.readsAhead(name));
    }
}
