// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.Map;

/**
 * What came of measuring a subject in turns.
 *
 * @param turns how many there were
 * @param ways by name, the medians of all turns
 * @param ratios medians of Heapwalk's figure over that of a floor in the same turn, by the floor's name and {@code cpu}
 *     or {@code wall}
 */
record Measurement(int turns, Map<String, Way> ways, Map<String, Double> ratios) {

    /**
     * One way, for one operation.
     *
     * @param wallMs milliseconds by the clock
     * @param cpuMs milliseconds of the thread and of those that read ahead for it
     * @param allocated bytes that all threads allocated in the Java heap, the least of some operations in a row
     * @param written what it writes; null if it writes nothing
     */
    record Way(double wallMs, double cpuMs, double allocated, Written written) {}
}
