// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

/**
 * Reckons as the processor does, and keeps its flags. A flag that an instruction leaves undefined is unknown. Values
 * are as many bytes wide as each method is told; what is above that counts for nothing in operands, and is 0 in
 * results.
 */
final class Arithmetic {
    private static final int CARRY = 1;
    private static final int ZERO = 2;
    private static final int SIGN = 4;
    private static final int OVERFLOW = 8;
    private static final int ALL = 15;

    private int known;
    private int flags;
    private long high;

    /** Makes all flags unknown. */
    void forget() {
        known = 0;
    }

    /** {@code add} and {@code adc}. */
    long add(long first, long second, boolean carried, int width) {
        long sum = first + second + (carried ? 1 : 0);
        long carry = first & second | (first | second) & ~sum;
        return result(sum, top(carry, width), top(~(first ^ second) & (first ^ sum), width), width);
    }

    /** {@code sub}, {@code sbb} and {@code cmp}. */
    long subtract(long first, long second, boolean borrowed, int width) {
        long rest = first - second - (borrowed ? 1 : 0);
        long borrow = ~first & second | ~(first ^ second) & rest;
        return result(rest, top(borrow, width), top((first ^ second) & (first ^ rest), width), width);
    }

    /** What {@code and}, {@code or}, {@code xor} and {@code test} do to the flags. */
    long logic(long result, int width) {
        return result(result, false, false, width);
    }

    /** {@code inc} and {@code dec}, which leave the carry flag. */
    long step(long value, boolean up, int width) {
        int knownCarry = known & CARRY;
        int carry = flags & CARRY;
        long result = up ? add(value, 1, false, width) : subtract(value, 1, false, width);
        known = known & ~CARRY | knownCarry;
        flags = flags & ~CARRY | carry;
        return result;
    }

    /** {@code imul}. */
    long multiply(long first, long second, int width) {
        long one = signed(first, width);
        long other = signed(second, width);
        long product = one * other;
        boolean fits = width == 8 ? Math.multiplyHigh(one, other) == product >> 63 : signed(product, width) == product;
        known = CARRY | OVERFLOW;
        flags = fits ? 0 : CARRY | OVERFLOW;
        return Registers.cut(product, width);
    }

    /** {@code mul} and {@code imul} of one operand. Returns the lower half; {@link #high} has the upper one. */
    long multiplyWide(long first, long second, boolean signed, int width) {
        long one = signed ? signed(first, width) : Registers.cut(first, width);
        long other = signed ? signed(second, width) : Registers.cut(second, width);
        long product = one * other;
        long low = Registers.cut(product, width);
        if (width == 8) {
            high = signed ? Math.multiplyHigh(one, other) : Math.unsignedMultiplyHigh(one, other);
        } else {
            high = Registers.cut(product >>> 8 * width, width);
        }
        long unused = signed && top(low, width) ? Registers.cut(-1, width) : 0;
        known = CARRY | OVERFLOW;
        flags = high == unused ? 0 : CARRY | OVERFLOW;
        return low;
    }

    /**
     * {@code div} and {@code idiv}. Returns the quotient; {@link #high} has the remainder.
     *
     * @throws UnknownResultException if the processor would raise an exception, or the dividend has more than 64 bits
     */
    long divide(long upper, long lower, long divisor, boolean signed, int width) {
        long dividend = width == 8 ? lower : Registers.cut(upper << 8 * width | Registers.cut(lower, width), 2 * width);
        long by = signed ? signed(divisor, width) : Registers.cut(divisor, width);
        boolean fits = width < 8 || upper == (signed ? lower >> 63 : 0);
        if (by == 0 || !fits) {
            throw UnknownResultException.ONE;
        }
        long quotient;
        if (signed) {
            long whole = signed(dividend, Math.min(2 * width, 8));
            quotient = whole / by;
            high = Registers.cut(whole % by, width);
            // The lowest number has no positive one.
            fits = signed(quotient, width) == quotient && !(whole == Long.MIN_VALUE && by == -1);
        } else {
            quotient = Long.divideUnsigned(dividend, by);
            high = Long.remainderUnsigned(dividend, by);
            fits = Registers.cut(quotient, width) == quotient;
        }
        if (!fits) {
            throw UnknownResultException.ONE;
        }
        known = 0;
        return Registers.cut(quotient, width);
    }

    /** The second result of what has two. */
    long high() {
        return high;
    }

    /** {@code shl}. */
    long shiftLeft(long value, int count, int width) {
        int by = count & (width == 8 ? 63 : 31);
        if (by == 0) {
            return Registers.cut(value, width);
        }
        boolean carry = by <= 8 * width && (value >>> 8 * width - by & 1) != 0;
        long result = value << by;
        return shifted(result, carry, carry != top(result, width), by, width);
    }

    /** {@code shr}, or {@code sar} where the sign goes on. */
    long shiftRight(long value, int count, boolean signed, int width) {
        int by = count & (width == 8 ? 63 : 31);
        long whole = signed ? signed(value, width) : Registers.cut(value, width);
        if (by == 0) {
            return Registers.cut(value, width);
        }
        boolean carry = (whole >> by - 1 & 1) != 0;
        return shifted(signed ? whole >> by : whole >>> by, carry, !signed && top(value, width), by, width);
    }

    /** {@code bt}. */
    void bitTest(long value, long bit, int width) {
        boolean set = (value >>> (bit & 8 * width - 1) & 1) != 0;
        known = known & ZERO | CARRY;
        flags = flags & ZERO | (set ? CARRY : 0);
    }

    /** The carry flag. */
    boolean carry() {
        return flag(CARRY);
    }

    /**
     * Whether a condition holds.
     *
     * @param number the lowest four bits of the opcode that names it
     * @return whether it does
     * @throws UnknownResultException if a flag that it looks at is unknown
     */
    boolean condition(int number) {
        boolean holds = switch (number >>> 1) {
            case 0 -> flag(OVERFLOW);
            case 1 -> flag(CARRY);
            case 2 -> flag(ZERO);
            case 3 -> flag(CARRY) | flag(ZERO);
            case 4 -> flag(SIGN);
            case 6 -> flag(SIGN) != flag(OVERFLOW);
            case 7 -> flag(ZERO) | flag(SIGN) != flag(OVERFLOW);
            default -> throw UnknownResultException.ONE;
        };
        return holds == ((number & 1) == 0);
    }

    private boolean flag(int which) {
        if ((known & which) == 0) {
            throw UnknownResultException.ONE;
        }
        return (flags & which) != 0;
    }

    private long result(long result, boolean carry, boolean overflow, int width) {
        long value = Registers.cut(result, width);
        known = ALL;
        flags = (carry ? CARRY : 0)
                | (value == 0 ? ZERO : 0)
                | (top(value, width) ? SIGN : 0)
                | (overflow ? OVERFLOW : 0);
        return value;
    }

    private long shifted(long result, boolean carry, boolean overflow, int by, int width) {
        long value = result(result, carry, overflow, width);
        if (by != 1) {
            known &= ~OVERFLOW;
        }
        if (by >= 8 * width) {
            known &= ~CARRY;
        }
        return value;
    }

    /** The most significant bit. */
    private static boolean top(long value, int width) {
        return (value >>> 8 * width - 1 & 1) != 0;
    }

    /** A value with its sign, in all 64 bits. */
    static long signed(long value, int width) {
        int unused = Long.SIZE - 8 * width;
        return value << unused >> unused;
    }
}
