// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;

/** A Float that does not fit in a value. C name {@code struct RFloat}. */
public final class RFloat extends RValue {
    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RFloat(ObjectReader reader) {
        super(reader);
    }

    /**
     * The number.
     *
     * @return {@code float_value}, with all its bits
     */
    public double value() {
        return Double.longBitsToDouble(longAt(16));
    }
}
