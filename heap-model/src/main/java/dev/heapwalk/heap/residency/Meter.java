// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import dev.heapwalk.memory.Residency;

/** Tells what is in memory of ranges that mostly come in ascending order. */
final class Meter {
    private final Residency residency;
    private final Tally ignored = new Tally();
    private int run;

    Meter(Residency residency) {
        this.residency = residency;
    }

    /** Adds what is in memory of a range. */
    void add(long start, long end, Tally to) {
        add(start, end, to, ignored);
    }

    /** Adds what is in memory of a range to two tallies. */
    void add(long start, long end, Tally to, Tally other) {
        to.map(end - start);
        other.map(end - start);
        if (run > 0 && (run >= residency.count() || residency.start(run) > start)) {
            run = residency.at(start);
        }
        while (run < residency.count() && residency.end(run) <= start) {
            run++;
        }
        for (int i = run; i < residency.count() && residency.start(i) < end; i++) {
            long bytes = Math.min(end, residency.end(i)) - Math.max(start, residency.start(i));
            to.page(bytes, residency.kind(i));
            other.page(bytes, residency.kind(i));
        }
    }
}
