// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.dump;

import java.util.Arrays;

/**
 * The references that a line has already, so that none comes twice. Of a very large object it knows the first ones
 * alone, as many as there is room for.
 */
final class Shown {
    private static final int LEAST = 1 << 8;
    private static final int MOST = 1 << 17;
    private static final long SPREAD = 0x9e3779b97f4a7c15L;

    private long[] places = new long[LEAST];
    private int[] taken = new int[LEAST / 2];
    private int shift = Long.SIZE - Integer.numberOfTrailingZeros(LEAST);
    private int count;

    /** Forgets all. */
    void clear() {
        for (int i = 0; i < count; i++) {
            places[taken[i]] = 0;
        }
        count = 0;
    }

    /** Adds a reference. Returns false if it is known to be there already. */
    boolean add(long address) {
        int place = place(address);
        if (places[place] == address) {
            return false;
        }
        if (count == taken.length) {
            if (places.length == MOST) {
                return true;
            }
            grow();
            place = place(address);
        }
        places[place] = address;
        taken[count++] = place;
        return true;
    }

    private int place(long address) {
        int place = (int) (address * SPREAD >>> shift);
        while (places[place] != 0 && places[place] != address) {
            place = place + 1 & places.length - 1;
        }
        return place;
    }

    private void grow() {
        long[] before = places;
        int[] where = taken;
        places = new long[2 * before.length];
        taken = Arrays.copyOf(where, 2 * where.length);
        shift--;
        for (int i = 0; i < count; i++) {
            long address = before[where[i]];
            int place = place(address);
            places[place] = address;
            taken[i] = place;
        }
    }
}
