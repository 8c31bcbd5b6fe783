// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;

/** A Symbol that was made from a String. C name {@code struct RSymbol}. */
public final class RSymbol extends RValue {
    /** {@code ID_SCOPE_MASK}. */
    private static final long SCOPE_MASK = 0xe;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RSymbol(ObjectReader reader) {
        super(reader);
    }

    /**
     * Its hash.
     *
     * @return {@code hashval}
     */
    public long hash() {
        return longAt(16);
    }

    /**
     * The String that is its name.
     *
     * @return {@code fstr}, a target address
     */
    public long name() {
        return longAt(24);
    }

    /**
     * Its ID.
     *
     * @return {@code id}; without a serial number as long as it was not asked for
     */
    public long id() {
        return longAt(32);
    }

    /**
     * Whether its ID has a serial number. A Symbol is given one when code or a table uses it as a name, such as that of
     * a method or a variable; until then it is nothing but a value.
     *
     * @return whether {@code id} has more than the kind of the name
     */
    public boolean numbered() {
        return (id() & ~SCOPE_MASK) != 0;
    }
}
