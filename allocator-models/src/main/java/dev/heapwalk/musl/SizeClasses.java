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

    private SizeClasses() {}

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
