// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

/**
 * What an allocator would give back to the kernel of one of its regions, if the program asked it to, in bytes.
 *
 * @param region the number of a row of the heap's regions
 * @param resident what would leave memory: by so much {@code Rss} of the process falls
 * @param shared how much of that other processes keep in memory, such as a forked child
 * @param huge how much of that is part of huge pages, which the kernel splits, and so frees, only when it needs to
 * @param swapped what would leave the swap space
 * @param hugetlb how much of hugetlbfs would be free for others again, which is counted in none of the others
 * @param end how much of what would leave memory the region has not given out yet
 * @param kept what stays in memory of what the region has not given out yet
 */
public record Reclaimable(
        int region, long resident, long shared, long huge, long swapped, long hugetlb, long end, long kept) {}
