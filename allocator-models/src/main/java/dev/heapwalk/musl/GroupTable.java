// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.allocator.FreeTable;
import dev.heapwalk.allocator.Spans;
import dev.heapwalk.heap.Column;
import dev.heapwalk.musl.layout.MallocngLayout;
import java.util.Arrays;
import java.util.List;

/**
 * Groups of slots, and areas of metas between them, in address order. A group in whose slots other groups lie has a span
 * for each run of slots between these.
 */
final class GroupTable extends Spans {
    /** Target addresses of the groups, 0 for an area of metas. */
    long[] groups = new long[starts.length];
    /** What {@link Meta#bits()} said of the groups. */
    long[] bits = new long[starts.length];
    /** A bit for each slot of the groups that was free when the heap was located. */
    int[] masks = new int[starts.length];
    /** How far the next slot lies behind one, in bytes. */
    long[] strides = new long[starts.length];
    /** The index in the group of the first slot. */
    byte[] firsts = new byte[starts.length];

    @Override
    protected void grow(int length) {
        groups = Arrays.copyOf(groups, length);
        bits = Arrays.copyOf(bits, length);
        masks = Arrays.copyOf(masks, length);
        strides = Arrays.copyOf(strides, length);
        firsts = Arrays.copyOf(firsts, length);
    }

    /** Adds a run of slots of a group. */
    void addSlots(long group, long meta, long ofBits, int mask, long stride, int first, int count) {
        // The header of a block lies before it.
        long from = group + MallocngLayout.STORAGE - MallocngLayout.HEADER + first * stride;
        int index = add(from, count * stride, meta);
        strides[index] = stride;
        groups[index] = group;
        bits[index] = ofBits;
        masks[index] = mask;
        firsts[index] = (byte) first;
    }

    /** Adds an area of metas. */
    void addArea(long address) {
        int index = add(address, MallocngLayout.AREA_SIZE, address);
        strides[index] = MallocngLayout.AREA_SIZE;
    }

    @Override
    public int regionOf(int index) {
        return isArea(index) ? -1 : 0;
    }

    /** How many slots there are. */
    int slots(int index) {
        return (int) (sizes[index] / strides[index]);
    }

    /** The free slots of each size. */
    FreeTable free(int firstRegion) {
        FreeTable rows = new FreeTable(
                firstRegion,
                "Context",
                List.of(Column.id("Class", "index")),
                Column.size("Slot size", "slot_size"),
                Column.sum("Groups", "groups"));
        for (int i = 0; i < count(); i++) {
            if (!isArea(i)) {
                int free = Long.bitCount(Integer.toUnsignedLong(masks[i]) >>> firsts[i] & (1L << slots(i)) - 1);
                if (free > 0) {
                    rows.add(0, Groups.sizeClass(bits[i]), strides[i], free);
                }
            }
        }
        return rows;
    }

    boolean isArea(int index) {
        return groups[index] == 0;
    }
}
