// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.xz;

/** How long copies are: of 2 to 273 bytes, short ones by where they begin. */
final class Lengths {
    private static final int LEAST = 2;
    private static final int SHORT_BITS = 3;
    private static final int LONG_BITS = 8;

    private final short[] choices = new short[2];
    private final short[] low = new short[1 << Lzma.MOST_PLACE_BITS + SHORT_BITS];
    private final short[] middle = new short[1 << Lzma.MOST_PLACE_BITS + SHORT_BITS];
    private final short[] high = new short[1 << LONG_BITS];

    void reset() {
        RangeDecoder.reset(choices, low, middle, high);
    }

    int decode(RangeDecoder range, int place) throws XzException {
        int table = place << SHORT_BITS;
        if (range.bit(choices, 0) == 0) {
            return LEAST + range.number(low, table, SHORT_BITS);
        }
        int longer = LEAST + (1 << SHORT_BITS);
        if (range.bit(choices, 1) == 0) {
            return longer + range.number(middle, table, SHORT_BITS);
        }
        return longer + (1 << SHORT_BITS) + range.number(high, 0, LONG_BITS);
    }
}
