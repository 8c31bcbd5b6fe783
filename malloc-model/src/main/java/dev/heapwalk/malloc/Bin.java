// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

/**
 * What one bin of an arena holds.
 *
 * @param arena index of the arena
 * @param kind which kind of bin
 * @param index {@code bin_at} number, or index in {@code fastbinsY}
 * @param minSize smallest chunk that belongs into it, in bytes; 0 for the unsorted bin
 * @param maxSize largest chunk that belongs into it, in bytes; -1 where there is no limit
 * @param chunks how many chunks it holds
 * @param bytes their sizes together
 */
public record Bin(int arena, Kind kind, int index, long minSize, long maxSize, long chunks, long bytes) {

    /** Kinds of bin. */
    public enum Kind {
        /** {@code fastbinsY}, to glibc 2.42. */
        FAST,
        /** Bin 1. */
        UNSORTED,
        /** Bins 2 to 63. */
        SMALL,
        /** Bins 64 to 126. */
        LARGE
    }
}
