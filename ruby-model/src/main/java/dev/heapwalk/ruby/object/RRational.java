// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;

/** A Rational. C name {@code struct RRational}. */
public final class RRational extends RValue {
    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RRational(ObjectReader reader) {
        super(reader);
    }

    /**
     * The numerator.
     *
     * @return {@code num}, a {@code VALUE}
     */
    public long numerator() {
        return longAt(16);
    }

    /**
     * The denominator.
     *
     * @return {@code den}, a {@code VALUE}
     */
    public long denominator() {
        return longAt(24);
    }
}
