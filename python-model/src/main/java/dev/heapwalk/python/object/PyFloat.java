// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.SmallLayout;

/** A number with a point. C name {@code PyFloatObject}. */
public final class PyFloat extends NamedObject {

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyFloat(ObjectReader reader) {
        super(reader, SmallLayout.ONE_WORD, "float");
    }

    /**
     * The number.
     *
     * @return {@code ob_fval}
     */
    public double value() {
        return Double.longBitsToDouble(longAt(SmallLayout.FLOAT_VALUE));
    }
}
