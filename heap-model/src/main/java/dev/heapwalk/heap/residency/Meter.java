// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import dev.heapwalk.memory.Residency;

/** Tells what is in memory of ranges that mostly come in ascending order. */
final class Meter {
    private final Residency residency;
    private final Shares shares;
    private final Tally ignored = new Tally();
    private int run;

    Meter(Residency residency, Shares shares) {
        this.residency = residency;
        this.shares = shares;
    }

    /** Adds what is in memory of a range of one mapping. */
    void add(long start, long end, Tally to) {
        add(start, end, to, ignored);
    }

    /** Adds what is in memory of a range of one mapping to two tallies. */
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
            int kind = residency.kind(i);
            double share = (kind & Residency.EXCLUSIVE) == 0 ? shares.at(start) : 1;
            to.page(bytes, kind, share);
            other.page(bytes, kind, share);
        }
    }
}
