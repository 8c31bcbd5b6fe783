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
 * @param huge how much of what is in memory is part of huge pages
 * @param swapped how much is swapped out
 */
public record Holding(Owner owner, long mapped, long resident, long own, long shared, long huge, long swapped) {}
