// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.IntLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;
import java.math.BigInteger;
import java.util.Optional;

/**
 * An integer: {@code int}, and {@code int} and {@code long} of 2.7; {@code bool} is one too. C names {@code
 * PyLongObject} and {@code PyIntObject}.
 */
public final class PyLong extends PyObject {
    private static final long DIGIT_MASK = (1L << IntLayout.DIGIT_BITS) - 1;

    private static final int SHORT_DIGITS = 2;

    private final IntLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyLong(ObjectReader reader) {
        super(reader, IntLayout.DIGITS + Long.BYTES);
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).number();
    }

    @Override
    public boolean accepts(long typeFlags) {
        return (typeFlags & (TypeLayout.LONG_SUBCLASS | layout.smallFlag())) != 0;
    }

    private boolean isSmall() {
        return layout.smallFlag() != 0 && (reader().flags(type()) & layout.smallFlag()) != 0;
    }

    /**
     * How many digits of 30 bits it has.
     *
     * @return a count that the object tells; 0 for an {@code int} of 2.7, which has a word of 64 bits
     */
    public long digits() {
        if (isSmall()) {
            return 0;
        }
        long size = longAt(IntLayout.SIZE);
        return layout.tagged() ? size >>> IntLayout.TAG_SHIFT : Math.abs(size);
    }

    /**
     * Whether the number is one that {@link #small()} tells.
     *
     * @return whether it is zero or has at most two digits
     */
    public boolean isShort() {
        long count = digits();
        return count >= 0 && count <= SHORT_DIGITS;
    }

    /**
     * The number, of one that {@link #isShort()}.
     *
     * @return its value; without meaning for a longer one
     */
    public long small() {
        if (isSmall()) {
            return longAt(IntLayout.IVAL);
        }
        long size = longAt(IntLayout.SIZE);
        long count = digits();
        if (count == 0 || layout.tagged() && (size & IntLayout.SIGN_MASK) == 1) {
            return 0;
        }
        long value = longAt(IntLayout.DIGITS) & DIGIT_MASK;
        if (count > 1) {
            value |= (longAt(IntLayout.DIGITS) >>> Integer.SIZE & DIGIT_MASK) << IntLayout.DIGIT_BITS;
        }
        boolean negative = layout.tagged() ? (size & IntLayout.SIGN_MASK) == IntLayout.NEGATIVE : size < 0;
        return negative ? -value : value;
    }

    /**
     * The number.
     *
     * @param most the most digits to read; a longer number is not read at all
     * @return its value; empty if it is longer, or can't be read
     */
    public Optional<BigInteger> value(int most) {
        if (isSmall()) {
            return Optional.of(BigInteger.valueOf(longAt(IntLayout.IVAL)));
        }
        long count = digits();
        if (count < 0 || count > Math.min(most, Window.MAX_LENGTH / Integer.BYTES)) {
            return Optional.empty();
        }
        long size = longAt(IntLayout.SIZE);
        boolean negative = layout.tagged() ? (size & IntLayout.SIGN_MASK) == IntLayout.NEGATIVE : size < 0;
        boolean zero = layout.tagged() && (size & IntLayout.SIGN_MASK) == 1;
        if (count == 0 || zero) {
            return Optional.of(BigInteger.ZERO);
        }
        Reader memory = reader().memory();
        long offset = memory.find(place(IntLayout.DIGITS), count * Integer.BYTES);
        if (offset < 0) {
            return Optional.empty();
        }
        // The digits without their unused bits, the highest byte first.
        byte[] bytes = new byte[(int) (count * IntLayout.DIGIT_BITS / Byte.SIZE) + 1];
        long bits = 0;
        int held = 0;
        int at = bytes.length;
        for (long i = 0; i < count; i++) {
            long digit = memory.segment().get(Words.INT, offset + Integer.BYTES * i) & DIGIT_MASK;
            bits |= digit << held;
            held += IntLayout.DIGIT_BITS;
            for (; held >= Byte.SIZE; held -= Byte.SIZE) {
                bytes[--at] = (byte) bits;
                bits >>>= Byte.SIZE;
            }
        }
        if (held > 0) {
            bytes[--at] = (byte) bits;
        }
        BigInteger value = new BigInteger(1, bytes);
        return Optional.of(negative ? value.negate() : value);
    }
}
