// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.examples;

/** When samples are due. One that comes too late is left out rather than caught up on, and is seen in the counts. */
final class Pace {
    private final double interval;
    private final double end;
    private final long start = System.nanoTime();
    private long due;
    private long taken;

    /** So many samples a second for so many seconds. */
    Pace(double rate, double seconds) {
        interval = 1e9 / rate;
        end = 1e9 * seconds;
    }

    /** Waits until the next sample is due; returns false when it is time to end. */
    boolean next() throws InterruptedException {
        due = Math.max(due + 1, (long) (elapsed() / interval));
        if (due * interval > end) {
            due = (long) (end / interval);
            return false;
        }
        long left = (long) (due * interval - elapsed());
        if (left > 0) {
            Thread.sleep(left / 1_000_000, (int) (left % 1_000_000));
        }
        taken++;
        return true;
    }

    private long elapsed() {
        return System.nanoTime() - start;
    }

    double seconds() {
        return elapsed() / 1e9;
    }

    long taken() {
        return taken;
    }

    long due() {
        return due;
    }
}
