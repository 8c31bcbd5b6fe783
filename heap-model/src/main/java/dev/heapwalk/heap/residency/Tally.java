// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.Residency;

/** Amounts of memory that are added up. */
final class Tally {
    private long mapped;
    private long resident;
    private long own;
    private long shared;
    private long ownShared;
    private long huge;
    private long hugetlb;
    private long swapped;
    private double proportional;

    /** Adds addresses, whatever is behind them. */
    void map(long bytes) {
        mapped += bytes;
    }

    /** Adds what the kernel has behind some of these, and which part of a page that others have too falls to this one. */
    void page(long bytes, int kind, double share) {
        if ((kind & Residency.SWAPPED) != 0) {
            swapped += bytes;
        } else if ((kind & Residency.HUGETLB) != 0) {
            hugetlb += bytes;
        } else if ((kind & Residency.ZERO) == 0) {
            boolean others = (kind & Residency.EXCLUSIVE) == 0;
            boolean file = (kind & Residency.FILE) != 0;
            resident += bytes;
            own += file ? 0 : bytes;
            shared += others ? bytes : 0;
            ownShared += others && !file ? bytes : 0;
            huge += (kind & Residency.HUGE) != 0 ? bytes : 0;
            proportional += others ? bytes * share : bytes;
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
        ownShared += sign * other.ownShared;
        huge += sign * other.huge;
        hugetlb += sign * other.hugetlb;
        swapped += sign * other.swapped;
        proportional += sign * other.proportional;
    }

    long resident() {
        return resident;
    }

    boolean isEmpty() {
        return mapped == 0 && resident == 0 && swapped == 0;
    }

    Holding of(Owner owner) {
        return new Holding(
                owner, mapped, resident, own, shared, ownShared, huge, hugetlb, swapped, Math.round(proportional));
    }

    PageUses.Use use(Category category, long count) {
        return new PageUses.Use(category, count, resident, ownShared, own - ownShared);
    }
}
