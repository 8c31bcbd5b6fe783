// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.List;
import java.util.function.LongSupplier;

/**
 * A subject whose target runs.
 *
 * @param target what is to be closed
 * @param lanes its ways, Heapwalk's first
 * @param steps how many an operation of Heapwalk's takes; 0 if it is not made of steps
 */
record Opened(Subject.Ready target, List<Lane> lanes, long steps) implements Subject.Ready {

    /**
     * A {@link Way}, on this target.
     *
     * @param name of the way
     * @param work does it once
     * @param written what it writes; null if it writes nothing
     * @param here whether this JVM does the work
     */
    record Lane(String name, LongSupplier work, Written written, boolean here) {}

    @Override
    public void close() {
        target.close();
    }
}
