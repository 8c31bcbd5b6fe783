// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;

/** The CPU time of some threads of this JVM, with that of native code and of the kernel on their behalf. */
final class CpuTimes {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private final Map<Long, Long> nanosByThread = new HashMap<>();

    private CpuTimes() {}

    /** Those of the threads with certain names, up to now. */
    static CpuTimes now(Predicate<String> name) {
        CpuTimes times = new CpuTimes();
        for (long id : THREADS.getAllThreadIds()) {
            ThreadInfo info = THREADS.getThreadInfo(id);
            if (info != null && name.test(info.getThreadName())) {
                times.nanosByThread.put(id, THREADS.getThreadCpuTime(id));
            }
        }
        return times;
    }

    /** Whether a thread reads ahead for a walker. */
    static boolean readsAhead(String threadName) {
        return threadName.startsWith("heapwalk");
    }

    /** What they have taken since an earlier time, in nanoseconds; threads that ended meanwhile are left out. */
    long since(CpuTimes earlier) {
        long nanos = 0;
        for (Map.Entry<Long, Long> thread : nanosByThread.entrySet()) {
            nanos += thread.getValue() - earlier.nanosByThread.getOrDefault(thread.getKey(), 0L);
        }
        return nanos;
    }
}
