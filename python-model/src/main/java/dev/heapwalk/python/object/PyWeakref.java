// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.SmallLayout;

/** A reference that keeps nothing alive, also as a proxy. C name {@code PyWeakReference}. */
public final class PyWeakref extends NamedObject {

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyWeakref(ObjectReader reader) {
        super(
                reader,
                SmallLayout.TWO_WORDS,
                "weakref",
                "weakref.ReferenceType",
                "weakproxy",
                "weakref.ProxyType",
                "weakcallableproxy",
                "weakref.CallableProxyType");
    }

    /**
     * What it refers to.
     *
     * @return {@code wr_object}, target address of an object: that of {@code None} once it is gone
     */
    public long object() {
        return longAt(SmallLayout.WEAKREF_OBJECT);
    }

    /**
     * What is called when that goes.
     *
     * @return {@code wr_callback}, target address of an object; 0 if there is none
     */
    public long callback() {
        return longAt(SmallLayout.WEAKREF_CALLBACK);
    }
}
