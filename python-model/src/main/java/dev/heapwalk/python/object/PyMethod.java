// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.SmallLayout;

/** A function with the object that it is called for. C name {@code PyMethodObject}. */
public final class PyMethod extends NamedObject {

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyMethod(ObjectReader reader) {
        super(reader, SmallLayout.TWO_WORDS, "method", "instancemethod");
    }

    /**
     * What is called.
     *
     * @return {@code im_func}, target address of an object
     */
    public long func() {
        return longAt(SmallLayout.METHOD_FUNC);
    }

    /**
     * What it is called for.
     *
     * @return {@code im_self}, target address of an object; 0 for one of 2.7 that is bound to none
     */
    public long self() {
        return longAt(SmallLayout.METHOD_SELF);
    }
}
