// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import java.util.List;

/**
 * How much of what is in memory falls to one process, if each page is divided among all that have it: the proportional
 * set size. Those of all processes of a group add up to what the group takes, each page once, if nobody else has them.
 *
 * @param parts {@code Pss} of each mapping, which the kernel rounds down to 1,024 bytes
 * @param all {@code Pss} of {@code smaps_rollup} in bytes, which is rounded but once
 */
public record Proportions(List<Part> parts, long all) {

    /** Copies the list. */
    public Proportions {
        parts = List.copyOf(parts);
    }

    /**
     * What falls to the process of one mapping.
     *
     * @param range target addresses
     * @param bytes what falls to it
     */
    public record Part(Range range, long bytes) {}
}
