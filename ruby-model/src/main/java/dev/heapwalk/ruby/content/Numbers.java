// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.content;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.object.RBignum;
import dev.heapwalk.ruby.object.RRational;
import dev.heapwalk.ruby.object.SpecialConstants;
import java.math.BigInteger;
import java.util.Optional;

/** Reads exact numbers: Integers of any size, and Rationals. For one thread. */
final class Numbers {
    /** A fraction, the denominator above zero. */
    record Fraction(BigInteger numerator, BigInteger denominator) {}

    /** The most digits of an Integer, 4 bytes each: with more, what is worked out from it takes long. */
    private static final int MOST_DIGITS = 1 << 10;

    private final ObjectReader reader;
    private final RBignum bignum;
    private final RRational rational;

    Numbers(ObjectReader reader) {
        this.reader = reader;
        this.bignum = new RBignum(reader);
        this.rational = new RRational(reader);
    }

    /** An Integer; empty if the value is none, or has more than {@link #MOST_DIGITS}. */
    Optional<BigInteger> integer(long value) {
        if (SpecialConstants.isFixnum(value)) {
            return Optional.of(BigInteger.valueOf(value >> 1));
        }
        return reader.isSlot(value)
                        && reader.at(value, bignum).type() == RubyType.BIGNUM
                        && bignum.length() <= MOST_DIGITS
                ? bignum.value()
                : Optional.empty();
    }

    /** An Integer or Rational; empty if the value is neither. */
    Optional<Fraction> fraction(long value) {
        if (reader.isSlot(value) && reader.at(value, rational).type() == RubyType.RATIONAL) {
            long above = rational.numerator();
            long below = rational.denominator();
            Optional<BigInteger> denominator = integer(below).filter(number -> number.signum() > 0);
            return denominator.flatMap(under -> integer(above).map(numerator -> new Fraction(numerator, under)));
        }
        return integer(value).map(number -> new Fraction(number, BigInteger.ONE));
    }
}
