// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.allocator.SpanTable;
import dev.heapwalk.musl.layout.MallocngLayout;
import java.util.Arrays;

/**
 * Groups of slots, and areas of metas between them, in address order. A group in whose slots other groups lie has a span
 * for each run of slots between these.
 */
final class GroupTable extends SpanTable {
    /** Target addresses of the groups, 0 for an area of metas. */
    long[] groups = new long[froms.length];
    /** What {@link Meta#bits()} said of the groups. */
    long[] bits = new long[froms.length];
    /** The index in the group of the first slot. */
    byte[] firsts = new byte[froms.length];

    @Override
    protected void grow(int length) {
        groups = Arrays.copyOf(groups, length);
        bits = Arrays.copyOf(bits, length);
        firsts = Arrays.copyOf(firsts, length);
    }

    /** Adds a run of slots of a group. */
    void addSlots(long group, long meta, long ofBits, long stride, int first, int count) {
        // The header of a block lies before it.
        long from = group + MallocngLayout.STORAGE - MallocngLayout.HEADER + first * stride;
        int index = add(from, count, stride, meta);
        groups[index] = group;
        bits[index] = ofBits;
        firsts[index] = (byte) first;
    }

    /** Adds an area of metas. */
    void addArea(long address) {
        add(address, 1, MallocngLayout.AREA_SIZE, address);
    }

    boolean isArea(int index) {
        return groups[index] == 0;
    }
}
