// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * The CPU time of the measuring thread as a secondary result: on a shared machine it says more than wall time. It counts
 * native code that the thread calls and the kernel's work for it.
 */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.EVENTS)
public class ThreadCpuTime {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private long started;
    private long nanos;
    private long passes;

    /** Forgets what was counted, before each iteration. */
    @Setup(Level.Iteration)
    public void reset() {
        nanos = 0;
        passes = 0;
    }

    void start() {
        started = THREADS.getCurrentThreadCpuTime();
    }

    void stop() {
        nanos += THREADS.getCurrentThreadCpuTime() - started;
        passes++;
    }

    /**
     * The mean of the iteration.
     *
     * @return milliseconds of thread CPU time for each pass
     */
    public double cpuMillis() {
        return passes == 0 ? 0 : nanos / 1e6 / passes;
    }
}
