// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.content;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.CoreLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import java.math.BigInteger;
import java.util.Optional;

/** Reads what a Time holds. C name {@code struct time_object}. For one thread. */
public final class Times {
    private static final BigInteger BILLION = BigInteger.valueOf(1_000_000_000);
    private static final int MODE_MASK = 7;
    private static final int KNOWN = 8;

    private final Reader memory;
    private final Numbers numbers;
    private final int shift;

    /**
     * Makes one.
     *
     * @param reader what reads the heap
     */
    public Times(ObjectReader reader) {
        this.memory = reader.memory();
        this.numbers = new Numbers(reader);
        this.shift = RubyLayout.of(reader.series()).core().timeModeShift();
    }

    /**
     * Reads a Time.
     *
     * @param data target address of the data of an object of the type {@code time}
     * @return what is there; empty if it was never set, or makes no sense
     * @throws dev.heapwalk.memory.UnmappedAddressException if it can't be read
     */
    public Optional<Moment> at(long data) {
        int bits = memory.readByte(data + CoreLayout.TIME_MODE) >> shift;
        int mode = bits & MODE_MASK;
        if (mode >= CoreLayout.TIME_UNINITIALIZED) {
            return Optional.empty();
        }
        // The fields of the calendar are worked out when a program first asks for one.
        boolean fixed = mode == CoreLayout.TIME_FIXED;
        boolean known = mode != CoreLayout.TIME_UTC && (fixed || (bits & KNOWN) != 0);
        long value = memory.readLong(data + CoreLayout.TIME_VALUE);
        long offset = memory.readLong(data + CoreLayout.TIME_OFFSET);
        long zone = memory.readLong(data + CoreLayout.TIME_ZONE);
        Optional<String> ahead = mode == CoreLayout.TIME_UTC
                ? Optional.of("0")
                : known ? numbers.fraction(offset).map(Times::text) : Optional.empty();
        return numbers.fraction(value).map(nanoseconds -> {
            BigInteger second = BILLION.multiply(nanoseconds.denominator());
            BigInteger[] parts = divide(nanoseconds.numerator(), second);
            BigInteger[] below = parts[1].divideAndRemainder(nanoseconds.denominator());
            return new Moment(
                    parts[0],
                    below[0].intValue(),
                    below[1].signum() == 0
                            ? Optional.empty()
                            : Optional.of(text(new Numbers.Fraction(parts[1], second))),
                    mode == CoreLayout.TIME_UTC,
                    ahead,
                    known ? zone : 0);
        });
    }

    /** The quotient, rounded down, and what is left, which is not below zero. */
    private static BigInteger[] divide(BigInteger number, BigInteger by) {
        BigInteger[] parts = number.divideAndRemainder(by);
        return parts[1].signum() < 0 ? new BigInteger[] {parts[0].subtract(BigInteger.ONE), parts[1].add(by)} : parts;
    }

    private static String text(Numbers.Fraction fraction) {
        BigInteger divisor = fraction.numerator().gcd(fraction.denominator());
        BigInteger below = fraction.denominator().divide(divisor);
        String above = fraction.numerator().divide(divisor).toString();
        return below.equals(BigInteger.ONE) ? above : above + "/" + below;
    }
}
