// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

/** A Float that does not fit in a value. C name {@code struct RFloat}. */
public final class RFloat extends RValue {
    RFloat(ObjectReader reader) {
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
