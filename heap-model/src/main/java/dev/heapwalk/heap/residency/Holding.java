// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

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
        long swapped,
        long proportional) {}
