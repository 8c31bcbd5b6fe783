// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Target;

/** A process. */
public final class LiveTarget {
    private LiveTarget() {}

    /**
     * Stops a process.
     *
     * @param pid its id
     * @return the target
     */
    public static Target attach(long pid) {
        throw new UnsupportedOperationException();
    }

    /**
     * Watches a process.
     *
     * @param pid its id
     * @return the target
     */
    public static Target observe(long pid) {
        throw new UnsupportedOperationException();
    }
}
