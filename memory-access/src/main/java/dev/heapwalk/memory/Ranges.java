// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import java.util.Arrays;

/**
 * Ranges of target addresses in ascending order: what a walker will go through, one behind the other, or what is looked
 * for. They tell a {@link Window} what to read ahead, and limit it in nothing. Immutable, for any thread.
 */
public final class Ranges {
    /** No ranges: nothing is known of what a walker will go through. */
    public static final Ranges NONE = new Ranges(new long[0], new long[0], 0);

    /** What lies between two ranges costs less to copy than a second system call, in bytes. */
    private static final long NEAR = 4096;

    private final long[] starts;
    private final long[] ends;

    private Ranges(long[] starts, long[] ends, int count) {
        this.starts = Arrays.copyOf(starts, count);
        this.ends = Arrays.copyOf(ends, count);
    }

    /**
     * Takes ranges; such as are no more than 4 KiB apart become one.
     *
     * @param starts target addresses of their first bytes, ascending
     * @param ends the address behind the last byte of each; one that is not above its start is left out
     * @return the ranges
     */
    public static Ranges of(long[] starts, long[] ends) {
        long[] from = new long[starts.length];
        long[] to = new long[starts.length];
        int count = 0;
        for (int i = 0; i < starts.length; i++) {
            if (ends[i] <= starts[i] || starts[i] < 0) {
                continue;
            }
            if (count > 0 && starts[i] - to[count - 1] <= NEAR) {
                to[count - 1] = Math.max(to[count - 1], ends[i]);
            } else {
                from[count] = starts[i];
                to[count++] = ends[i];
            }
        }
        return new Ranges(from, to, count);
    }

    /**
     * Takes ranges as they are: none is joined to another, so that the index of each is the one that it has here.
     *
     * @param starts target addresses of their first bytes, ascending
     * @param ends the address behind the last byte of each, above its start and not above the next one's start
     * @return the ranges
     * @throws IllegalArgumentException if they are not so
     */
    public static Ranges exactly(long[] starts, long[] ends) {
        for (int i = 0; i < starts.length; i++) {
            if (starts[i] < (i == 0 ? 0 : ends[i - 1]) || ends[i] <= starts[i]) {
                throw new IllegalArgumentException(
                        "range %d, from 0x%x to 0x%x, is empty or not behind the one before it"
                                .formatted(i, starts[i], ends[i]));
            }
        }
        return new Ranges(starts, ends, starts.length);
    }

    /**
     * How many ranges there are.
     *
     * @return a count
     */
    public int count() {
        return starts.length;
    }

    /**
     * Where a range begins.
     *
     * @param index from 0 to {@link #count()}
     * @return target address of its first byte
     */
    public long start(int index) {
        return starts[index];
    }

    /**
     * Where a range ends.
     *
     * @param index from 0 to {@link #count()}
     * @return the target address behind its last byte
     */
    public long end(int index) {
        return ends[index];
    }

    /**
     * The range that holds an address.
     *
     * @param address a target address
     * @return its index, -1 if there is none
     */
    public int at(long address) {
        int index = address < 0 ? starts.length : behind(address);
        return index < starts.length && address >= starts[index] ? index : -1;
    }

    /**
     * The first range that ends behind an address.
     *
     * @param address a target address, not negative
     * @return its index, {@link #count()} if there is none
     */
    public int behind(long address) {
        int index = Arrays.binarySearch(starts, address);
        if (index >= 0) {
            return index;
        }
        int before = -index - 2;
        return before >= 0 && ends[before] > address ? before : before + 1;
    }
}
