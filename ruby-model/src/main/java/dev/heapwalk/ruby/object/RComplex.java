// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;

/** A Complex. C name {@code struct RComplex}. */
public final class RComplex extends RValue {
    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RComplex(ObjectReader reader) {
        super(reader);
    }

    /**
     * The real part.
     *
     * @return {@code real}, a {@code VALUE}
     */
    public long real() {
        return longAt(16);
    }

    /**
     * The imaginary part.
     *
     * @return {@code imag}, a {@code VALUE}
     */
    public long imaginary() {
        return longAt(24);
    }
}
