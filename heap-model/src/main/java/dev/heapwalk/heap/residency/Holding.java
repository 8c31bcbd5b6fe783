// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How much memory an owner has, in bytes.
 *
 * @param owner the owner
 * @param mapped how much there is of it, in memory or not
 * @param resident how much is in memory: all owners' together are {@code Rss} of {@code smaps_rollup}
 * @param own how much of that is no page of a file and no shared memory: {@code RssAnon}
 * @param shared how much of what is in memory others keep there too, such as a parent or a forked child
 * @param ownShared how much of what is its own others keep in memory too: pages that are as they were when the process
 *     or a child of it was forked, and are copied when one of them writes there
 * @param huge how much of what is in memory is part of huge pages
 * @param hugetlb how much is in pages of hugetlbfs, which are counted in none of the others
 * @param swapped how much is swapped out
 * @param proportional how much falls to this process if each page is divided among all that have it: all owners'
 *     together are {@code Pss} of {@code smaps_rollup}; 0 where {@link dev.heapwalk.memory.Proportions} were not given
 */
public record Holding(
        Owner owner,
        long mapped,
        long resident,
        long own,
        long shared,
        long ownShared,
        long huge,
        long hugetlb,
        long swapped,
        long proportional) {

    /**
     * Adds up what several processes have.
     *
     * @param holdings what each owner in each of them has
     * @return a new list with one for each owner, that with the most of {@link #proportional()} first
     */
    public static List<Holding> together(List<Holding> holdings) {
        Map<Owner, Holding> sums = new LinkedHashMap<>();
        holdings.forEach(one -> sums.merge(one.owner(), one, Holding::plus));
        return sums.values().stream()
                .sorted(Comparator.comparingLong(Holding::proportional).reversed())
                .toList();
    }

    private Holding plus(Holding other) {
        return new Holding(
                owner,
                mapped + other.mapped,
                resident + other.resident,
                own + other.own,
                shared + other.shared,
                ownShared + other.ownShared,
                huge + other.huge,
                hugetlb + other.hugetlb,
                swapped + other.swapped,
                proportional + other.proportional);
    }
}
