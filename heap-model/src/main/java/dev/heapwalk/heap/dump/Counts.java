// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.dump;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** Counts by name. For one thread. */
public final class Counts {
    private final Map<String, Long> counts = new TreeMap<>();

    /** Makes an empty one. */
    public Counts() {}

    /**
     * Counts one.
     *
     * @param name its name
     */
    public void add(String name) {
        counts.merge(name, 1L, Long::sum);
    }

    /**
     * Counts some.
     *
     * @param name their name
     * @param count how many
     */
    public void add(String name, long count) {
        counts.merge(name, count, Long::sum);
    }

    /**
     * Adds what was counted elsewhere.
     *
     * @param others counts by name
     */
    public void add(Map<String, Long> others) {
        others.forEach((name, count) -> counts.merge(name, count, Long::sum));
    }

    /**
     * What was counted.
     *
     * @return a copy that can't be changed, in the order of the names
     */
    public Map<String, Long> asMap() {
        return Collections.unmodifiableMap(new TreeMap<>(counts));
    }
}
