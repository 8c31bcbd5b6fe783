// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * The threads of a process at some moment, and for how long each had run by then: one that has not run since has done
 * nothing to the heap.
 */
final class ThreadRuns {
    private static final long UNKNOWN = -1;

    private final long pid;
    private final long[] tids;
    private final long[] nanoseconds;
    /** Room for all of {@code schedstat}, and for what comes first in {@code stat}. */
    private final byte[] text = new byte[512];

    private ThreadRuns(long pid, long[] tids) {
        this.pid = pid;
        this.tids = tids;
        this.nanoseconds = new long[tids.length];
        Arrays.fill(nanoseconds, UNKNOWN);
    }

    /** The threads as they are now. How long they have run is not known before {@link #takeTimes}. */
    static ThreadRuns of(Target target) {
        List<ThreadState> threads = target.threads();
        return new ThreadRuns(
                target.pid().orElse(-1),
                threads.stream().mapToLong(ThreadState::tid).toArray());
    }

    /** Notes for how long each has run. */
    void takeTimes() {
        for (int i = 0; i < tids.length; i++) {
            nanoseconds[i] = time(tids[i]);
        }
    }

    int count() {
        return tids.length;
    }

    boolean sameThreads(ThreadRuns other) {
        return Arrays.equals(tids, other.tids);
    }

    /**
     * Whether a thread may have run since the times were taken.
     *
     * @param butFirst whether the first thread of the process is not asked for
     */
    boolean mayHaveRun(boolean butFirst) {
        for (int i = 0; i < tids.length; i++) {
            if (!(butFirst && tids[i] == pid)
                    && (nanoseconds[i] == UNKNOWN || time(tids[i]) != nanoseconds[i] || runs(tids[i]))) {
                return true;
            }
        }
        return false;
    }

    /** The time in nanoseconds for which a thread has run; the kernel brings it up to date when the thread stops. */
    private long time(long tid) {
        String text = read(tid, "schedstat");
        int end = text.indexOf(' ');
        try {
            return end < 0 ? UNKNOWN : Long.parseLong(text.substring(0, end));
        } catch (NumberFormatException e) {
            return UNKNOWN;
        }
    }

    private boolean runs(long tid) {
        String text = read(tid, "stat");
        int name = text.lastIndexOf(") ");
        return name < 0 || text.startsWith("R", name + 2);
    }

    /** The beginning of a short file. */
    private String read(long tid, String file) {
        if (pid < 0) {
            return "";
        }
        try (FileInputStream in = new FileInputStream("/proc/" + pid + "/task/" + tid + "/" + file)) {
            int length = in.read(text);
            return length < 0 ? "" : new String(text, 0, length, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            // It ended, or the kernel does not tell.
            return "";
        }
    }
}
