// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.musl.layout.MallocngLayout;

/** The sizes of slots: up to 128 bytes each multiple of 16, from 512 bytes on four between two powers of two. */
final class SizeClasses {
    /** {@code size_classes}, in units of 16 bytes. */
    private static final int[] UNITS = {
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 18, 20, 25, 31, 36, 42, 50, 63, 72, 84, 102, 127, 146, 170, 204, 255,
        292, 340, 409, 511, 584, 682, 818, 1023, 1169, 1364, 1637, 2047, 2340, 2730, 3276, 4095, 4680, 5460, 6552, 8191
    };

    /** {@code small_cnt_tab}: how many slots groups of the first classes have. */
    private static final int[][] SMALL_COUNTS = {
        {30}, {31, 15}, {20, 10}, {31, 15, 7}, {25, 12, 6}, {21, 10, 5}, {18, 8, 4}, {31, 15, 7}, {28, 14, 6}
    };
    /** {@code med_cnt_tab}: how many groups of the others have at most, by their class modulo 4. */
    private static final int[] MOST = {28, 24, 20, 32};
    /** How many they have instead where few are in use, so that they have as many pages as they need. */
    private static final int[][] REDUCED = {{3, 5}, {2}, {3}, {}};

    private SizeClasses() {}

    /** Whether groups of a class may have so many slots. */
    static boolean usual(int sizeClass, int slots) {
        if (sizeClass < SMALL_COUNTS.length) {
            return contains(SMALL_COUNTS[sizeClass], slots);
        }
        int count = MOST[sizeClass % MOST.length];
        while (count > slots && count % 2 == 0) {
            count /= 2;
        }
        return count == slots;
    }

    /** Whether groups of a class that have mappings may have so many slots as well. */
    static boolean reduced(int sizeClass, int slots) {
        return contains(REDUCED[sizeClass % REDUCED.length], slots);
    }

    private static boolean contains(int[] numbers, int wanted) {
        for (int number : numbers) {
            if (number == wanted) {
                return true;
            }
        }
        return false;
    }

    static boolean known(int sizeClass) {
        return sizeClass < UNITS.length;
    }

    /** The distance of two slots, in bytes. */
    static long stride(int sizeClass) {
        return (long) UNITS[sizeClass] * MallocngLayout.UNIT;
    }

    /** The least class whose slots are as large. -1 if there is none. */
    static int ofStride(long bytes) {
        for (int i = 0; i < UNITS.length; i++) {
            if (stride(i) >= bytes) {
                return i;
            }
        }
        return -1;
    }
}
