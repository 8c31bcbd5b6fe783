// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

/** Which sizes belong into which bin, for 64-bit targets. C name {@code bin_index}; the same in every version. */
final class BinSizes {
    private static final int LAST = 126;
    private static final long[] MIN = new long[LAST + 2];

    static {
        for (int i = 2; i < 64; i++) {
            MIN[i] = 16L * i;
        }
        int reached = 63;
        for (long size = 1024; reached < LAST; size += 64) {
            int index = largeIndex(size);
            while (reached < index) {
                MIN[++reached] = size;
            }
        }
    }

    private BinSizes() {}

    /**
     * The bins grow with the size: 32 of 64 bytes each, 16 of 512, 8 of 4096, 4 of 32 KiB, 2 of 256 KiB, and the rest.
     */
    private static int largeIndex(long size) {
        if (size >>> 6 <= 48) {
            return (int) (48 + (size >>> 6));
        }
        if (size >>> 9 <= 20) {
            return (int) (91 + (size >>> 9));
        }
        if (size >>> 12 <= 10) {
            return (int) (110 + (size >>> 12));
        }
        if (size >>> 15 <= 4) {
            return (int) (119 + (size >>> 15));
        }
        return size >>> 18 <= 2 ? (int) (124 + (size >>> 18)) : LAST;
    }

    /** The smallest chunk of a bin from 2 to 126, in bytes. */
    static long min(int bin) {
        return MIN[bin];
    }

    /** The largest chunk of a bin, in bytes; -1 for the last one. */
    static long max(int bin) {
        return bin == LAST ? -1 : bin < 64 ? MIN[bin] : MIN[bin + 1] - 16;
    }
}
