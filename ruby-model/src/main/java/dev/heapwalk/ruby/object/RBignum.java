// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import java.math.BigInteger;
import java.util.Optional;

/** An Integer that does not fit in a value. C name {@code struct RBignum}. */
public final class RBignum extends RValue {
    /** The most digits that are made into a number: 16 MiB of them. */
    public static final int MOST_DIGITS = 1 << 22;

    /** The most digits that are made into decimal text, which takes half a second for so many: 631,306 decimals. */
    public static final int MOST_TEXT = 1 << 16;

    private static final long POSITIVE = Flags.USER1;
    private static final long EMBED = Flags.USER2;
    private static final int EMBEDDED_SHIFT = Flags.USHIFT + 3;
    private static final int EMBEDDED_AT = 16;
    private static final int OLD_EMBEDDED_MOST = 6;
    /** {@code SIZEOF_BDIGIT}. */
    private static final int DIGIT = 4;

    /** {@code BIGNUM_EMBED_LEN_MASK}, moved to the right. */
    private final ObjectLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RBignum(ObjectReader reader) {
        super(reader);
        layout = RubyLayout.of(reader.series()).object();
    }

    /**
     * Whether it is less than zero.
     *
     * @return whether {@code BIGNUM_SIGN_BIT} is not set
     */
    public boolean negative() {
        return !has(POSITIVE);
    }

    /**
     * Whether the digits stand in the slot.
     *
     * @return {@code BIGNUM_EMBED_FLAG}
     */
    public boolean embedded() {
        return has(EMBED);
    }

    /**
     * How many digits it has, 4 bytes each. As the target says, at most what the slot can hold if it is embedded.
     *
     * @return a count; negative if the target's memory is damaged
     */
    public long length() {
        if (!embedded()) {
            return longAt(16);
        }
        int most = layout.bignumFillsSlot() ? (slotSize() - EMBEDDED_AT) / DIGIT : OLD_EMBEDDED_MOST;
        return Math.min(flags() >>> EMBEDDED_SHIFT & layout.bignumEmbedLengthMask(), most);
    }

    /**
     * Where the digits are, the least first.
     *
     * @return a target address
     */
    public long digits() {
        return embedded() ? address() + EMBEDDED_AT : longAt(24);
    }

    private long readableLength() {
        long length = length();
        memory().requireMapped(digits(), length, DIGIT);
        return length;
    }

    /**
     * The number.
     *
     * @return the number, made from all digits; empty if there are more than {@link #MOST_DIGITS}
     * @throws UnmappedAddressException if a digit can't be read
     */
    public Optional<BigInteger> value() {
        long length = readableLength();
        if (length > MOST_DIGITS) {
            return Optional.empty();
        }
        long digits = digits();
        boolean negative = negative();
        byte[] magnitude = reader().vm().target().memory().readBytes(digits, (int) length * DIGIT);
        for (int low = 0, high = magnitude.length - 1; low < high; low++, high--) {
            byte swapped = magnitude[low];
            magnitude[low] = magnitude[high];
            magnitude[high] = swapped;
        }
        BigInteger value = new BigInteger(1, magnitude);
        return Optional.of(negative ? value.negate() : value);
    }

    /**
     * The number as {@code Integer#to_s} writes it.
     *
     * @return decimal text; empty if there are more than {@link #MOST_TEXT} digits
     * @throws UnmappedAddressException if a digit can't be read
     */
    public Optional<String> text() {
        return readableLength() > MOST_TEXT ? Optional.empty() : value().map(BigInteger::toString);
    }
}
