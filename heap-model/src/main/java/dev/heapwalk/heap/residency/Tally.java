// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import dev.heapwalk.memory.Residency;

/** Amounts of memory that are added up. */
final class Tally {
    private long mapped;
    private long resident;
    private long own;
    private long shared;
    private long huge;
    private long swapped;

    /** Adds addresses, whatever is behind them. */
    void map(long bytes) {
        mapped += bytes;
    }

    /** Adds what the kernel has behind some of these. */
    void page(long bytes, int kind) {
        if ((kind & Residency.SWAPPED) != 0) {
            swapped += bytes;
        } else if ((kind & Residency.ZERO) == 0) {
            resident += bytes;
            own += (kind & Residency.FILE) == 0 ? bytes : 0;
            shared += (kind & Residency.EXCLUSIVE) == 0 ? bytes : 0;
            huge += (kind & Residency.HUGE) != 0 ? bytes : 0;
        }
    }

    void add(Tally other) {
        add(other, 1);
    }

    void subtract(Tally other) {
        add(other, -1);
    }

    private void add(Tally other, int sign) {
        mapped += sign * other.mapped;
        resident += sign * other.resident;
        own += sign * other.own;
        shared += sign * other.shared;
        huge += sign * other.huge;
        swapped += sign * other.swapped;
    }

    boolean isEmpty() {
        return mapped == 0 && resident == 0 && swapped == 0;
    }

    Holding of(Owner owner) {
        return new Holding(owner, mapped, resident, own, shared, huge, swapped);
    }
}
