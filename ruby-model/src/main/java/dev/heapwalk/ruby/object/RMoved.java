// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;

/** A place that an object was moved from. C name {@code struct RMoved}. */
public final class RMoved extends RValue {
    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RMoved(ObjectReader reader) {
        super(reader);
    }

    /**
     * Where the object is now.
     *
     * @return {@code destination}, a target address
     */
    public long destination() {
        return longAt(16);
    }
}
