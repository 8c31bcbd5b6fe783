// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.xz;

/**
 * The decoder of LZMA: each step adds a byte (a literal), or repeats bytes from a distance. The last four distances are
 * remembered, and what the last steps were is the state that tells how probable each kind of step is.
 */
final class Lzma {
    static final int MOST_PLACE_BITS = 4;

    private static final int STATES = 12;
    /** From this one on the last step was no literal. */
    private static final int AFTER_COPY = 7;

    private static final int LITERAL_TABLE = 0x300;
    private static final int MOST_LITERAL_BITS = 4;
    /** Distances are told by a slot: its highest two bits and how many follow. */
    private static final int SLOT_BITS = 6;

    private static final int LENGTH_CLASSES = 4;
    private static final int LEAST_LENGTH = 2;
    private static final int FIRST_WITH_BITS = 4;
    private static final int FIRST_PLAIN = 14;
    private static final int ALIGN_BITS = 4;
    private static final int SPECIAL = 1 + (1 << FIRST_PLAIN / 2) - FIRST_PLAIN;

    private final RangeDecoder range;
    private final Output out;

    private final short[] isCopy = new short[STATES << MOST_PLACE_BITS];
    private final short[] isRemembered = new short[STATES];
    private final short[] isNotLast = new short[STATES];
    private final short[] isNotSecond = new short[STATES];
    private final short[] isFourth = new short[STATES];
    private final short[] isLong = new short[STATES << MOST_PLACE_BITS];
    private final short[] slots = new short[LENGTH_CLASSES << SLOT_BITS];
    private final short[] special = new short[SPECIAL];
    private final short[] align = new short[1 << ALIGN_BITS];
    private final short[] literals = new short[LITERAL_TABLE << MOST_LITERAL_BITS];
    private final Lengths lengths = new Lengths();
    private final Lengths rememberedLengths = new Lengths();

    private int contextBits;
    private int literalMask;
    private int placeMask;
    private int state;
    private int last;
    private int second;
    private int third;
    private int fourth;

    Lzma(RangeDecoder range, Output out) {
        this.range = range;
        this.out = out;
    }

    /** Sets how much of the byte before and of the place a literal and a step depend on. */
    void setProperties(int properties) throws XzException {
        int context = properties % 9;
        int literal = properties / 9 % 5;
        int place = properties / 9 / 5;
        if (place > MOST_PLACE_BITS || context + literal > MOST_LITERAL_BITS) {
            throw new XzException("properties that there are not");
        }
        contextBits = context;
        literalMask = (1 << literal) - 1;
        placeMask = (1 << place) - 1;
    }

    /** Forgets all that was learned. */
    void reset() {
        RangeDecoder.reset(
                isCopy, isRemembered, isNotLast, isNotSecond, isFourth, isLong, slots, special, align, literals);
        lengths.reset();
        rememberedLengths.reset();
        state = 0;
        last = 0;
        second = 0;
        third = 0;
        fourth = 0;
    }

    /** Adds so many bytes, which there is room for. */
    void decode(int count) throws XzException {
        int end = out.position() + count;
        while (out.position() < end) {
            int place = out.place() & placeMask;
            if (range.bit(isCopy, (state << MOST_PLACE_BITS) + place) == 0) {
                literal();
                continue;
            }
            int length = range.bit(isRemembered, state) == 0 ? copy(place) : remembered(place);
            if (length > end - out.position()) {
                throw new XzException("a copy that goes on behind its piece");
            }
            out.repeat(last, length);
        }
    }

    private void literal() throws XzException {
        int context = ((out.place() & literalMask) << contextBits) + (out.before() >> Byte.SIZE - contextBits);
        int table = LITERAL_TABLE * context;
        int symbol = 1;
        if (state >= AFTER_COPY) {
            // The byte that a copy would have gone on with is a hint as long as the bits are the same.
            int expected = out.at(last);
            while (symbol < 0x100) {
                int hint = expected >> 7 & 1;
                expected <<= 1;
                int bit = range.bit(literals, table + (1 + hint << Byte.SIZE) + symbol);
                symbol = symbol << 1 | bit;
                if (bit != hint) {
                    break;
                }
            }
        }
        while (symbol < 0x100) {
            symbol = symbol << 1 | range.bit(literals, table + symbol);
        }
        out.add(symbol);
        state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
    }

    private void step(int afterLiteral, int afterCopy) {
        state = state < AFTER_COPY ? afterLiteral : afterCopy;
    }

    /** A copy from a distance that is told. */
    private int copy(int place) throws XzException {
        fourth = third;
        third = second;
        second = last;
        int length = lengths.decode(range, place);
        last = distance(length);
        step(7, 10);
        return length;
    }

    private int distance(int length) throws XzException {
        int lengthClass = Math.min(length - LEAST_LENGTH, LENGTH_CLASSES - 1);
        int slot = range.number(slots, lengthClass << SLOT_BITS, SLOT_BITS);
        if (slot < FIRST_WITH_BITS) {
            return slot;
        }
        int bits = (slot >> 1) - 1;
        int distance = (2 | slot & 1) << bits;
        if (slot < FIRST_PLAIN) {
            return distance + range.reversed(special, distance - slot, bits);
        }
        distance += range.plain(bits - ALIGN_BITS) << ALIGN_BITS;
        return distance + range.reversed(align, 0, ALIGN_BITS);
    }

    /** A copy from one of the last distances. */
    private int remembered(int place) throws XzException {
        if (range.bit(isNotLast, state) == 0) {
            if (range.bit(isLong, (state << MOST_PLACE_BITS) + place) == 0) {
                step(9, 11);
                return 1;
            }
        } else {
            int distance;
            if (range.bit(isNotSecond, state) == 0) {
                distance = second;
            } else {
                if (range.bit(isFourth, state) == 0) {
                    distance = third;
                } else {
                    distance = fourth;
                    fourth = third;
                }
                third = second;
            }
            second = last;
            last = distance;
        }
        int length = rememberedLengths.decode(range, place);
        step(8, 11);
        return length;
    }
}
