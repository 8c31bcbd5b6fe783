// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** Counts by name. */
final class Counts {
    private final Map<String, Long> counts = new TreeMap<>();

    void add(String name) {
        counts.merge(name, 1L, Long::sum);
    }

    void add(String name, long count) {
        counts.merge(name, count, Long::sum);
    }

    void add(Map<String, Long> others) {
        others.forEach((name, count) -> counts.merge(name, count, Long::sum));
    }

    Map<String, Long> asMap() {
        return Collections.unmodifiableMap(new TreeMap<>(counts));
    }
}
