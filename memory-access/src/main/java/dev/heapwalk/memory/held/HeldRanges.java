// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.held;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;

/** Ranges of a target's memory of which it is known what they hold, in address order and apart. */
public final class HeldRanges {
    private long[] starts = new long[64];
    private long[] ends = new long[64];
    private MemorySegment[] bytes = new MemorySegment[64];
    private int count;

    /** Makes it without a range. */
    public HeldRanges() {}

    /**
     * Adds a range behind all others.
     *
     * @param start target address of the first byte
     * @param held local memory, as long as the range, of a size above 0
     */
    public void add(long start, MemorySegment held) {
        add(start, start + held.byteSize(), held);
    }

    /**
     * Adds a range of zeros behind all others.
     *
     * @param start target address of the first byte
     * @param end target address behind the last byte
     */
    public void addZeros(long start, long end) {
        if (count > 0 && ends[count - 1] == start && bytes[count - 1] == null) {
            ends[count - 1] = end;
        } else {
            add(start, end, null);
        }
    }

    private void add(long start, long end, MemorySegment held) {
        if (count == starts.length) {
            starts = Arrays.copyOf(starts, 2 * count);
            ends = Arrays.copyOf(ends, 2 * count);
            bytes = Arrays.copyOf(bytes, 2 * count);
        }
        starts[count] = start;
        ends[count] = end;
        bytes[count++] = held;
    }

    int count() {
        return count;
    }

    long start(int index) {
        return starts[index];
    }

    long end(int index) {
        return ends[index];
    }

    /** What a range holds; empty for zeros. */
    Optional<MemorySegment> bytes(int index) {
        return Optional.ofNullable(bytes[index]);
    }
}
