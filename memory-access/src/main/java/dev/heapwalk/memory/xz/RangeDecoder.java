// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.xz;

import java.util.Arrays;

/**
 * Decodes bits, each by how probable a 0 is, in 2048ths, which it learns of each that it decodes. Numbers are decoded
 * bit by bit, with a probability for each beginning of the number; the first place of such a table is not used.
 */
final class RangeDecoder {
    private static final int PROBABILITY_BITS = 11;
    private static final int LEARN_SHIFT = 5;
    private static final int TOP = 1 << 24;
    private static final int HEAD = 5;

    private final byte[] bytes;
    private int position;
    private int end;
    private int range;
    private int code;

    RangeDecoder(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Gives all bits the same chance. */
    static void reset(short[]... tables) {
        for (short[] table : tables) {
            Arrays.fill(table, (short) (1 << PROBABILITY_BITS - 1));
        }
    }

    /** Begins with what lies between two places. */
    void begin(int from, int to) throws XzException {
        if (to - from < HEAD || bytes[from] != 0) {
            throw new XzException("a piece that does not begin with a zero");
        }
        position = from + 1;
        end = to;
        range = -1;
        code = 0;
        for (int i = 1; i < HEAD; i++) {
            code = code << Byte.SIZE | next();
        }
    }

    /** Makes sure that everything was read, and nothing more. */
    void end() throws XzException {
        normalize();
        if (position != end || code != 0) {
            throw new XzException("a piece that is longer than its contents");
        }
    }

    private int next() throws XzException {
        if (position >= end) {
            throw new XzException("a piece that is shorter than its contents");
        }
        return bytes[position++] & 0xff;
    }

    private void normalize() throws XzException {
        if (Integer.compareUnsigned(range, TOP) < 0) {
            range <<= Byte.SIZE;
            code = code << Byte.SIZE | next();
        }
    }

    int bit(short[] table, int index) throws XzException {
        normalize();
        int probability = table[index];
        int bound = (range >>> PROBABILITY_BITS) * probability;
        if (Integer.compareUnsigned(code, bound) < 0) {
            range = bound;
            table[index] = (short) (probability + ((1 << PROBABILITY_BITS) - probability >>> LEARN_SHIFT));
            return 0;
        }
        range -= bound;
        code -= bound;
        table[index] = (short) (probability - (probability >>> LEARN_SHIFT));
        return 1;
    }

    /** A number of so many bits, the highest first. */
    int number(short[] table, int start, int bits) throws XzException {
        int node = 1;
        for (int i = 0; i < bits; i++) {
            node = node << 1 | bit(table, start + node);
        }
        return node - (1 << bits);
    }

    /** A number of so many bits, the lowest first. */
    int reversed(short[] table, int start, int bits) throws XzException {
        int node = 1;
        int number = 0;
        for (int i = 0; i < bits; i++) {
            int bit = bit(table, start + node);
            node = node << 1 | bit;
            number |= bit << i;
        }
        return number;
    }

    /** A number of so many bits that are as often 0 as 1. */
    int plain(int bits) throws XzException {
        int number = 0;
        for (int i = 0; i < bits; i++) {
            normalize();
            range >>>= 1;
            boolean one = Integer.compareUnsigned(code, range) >= 0;
            code -= one ? range : 0;
            number = number << 1 | (one ? 1 : 0);
        }
        return number;
    }
}
