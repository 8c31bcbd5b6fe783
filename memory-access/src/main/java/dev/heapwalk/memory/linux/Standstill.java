// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import java.time.Duration;

/** For how long a process has been stopped, all in all. */
final class Standstill {
    private long since;
    private boolean lasts;
    private long before;

    /** The process is stopped, since a moment of {@link System#nanoTime()}. */
    synchronized void begins(long moment) {
        since = moment;
        lasts = true;
    }

    /** It runs on. A second call does nothing. */
    synchronized void ends() {
        if (lasts) {
            before += System.nanoTime() - since;
            lasts = false;
        }
    }

    /** The time up to now, or to the end if there was one. */
    synchronized Duration length() {
        return Duration.ofNanos(lasts ? before + System.nanoTime() - since : before);
    }
}
