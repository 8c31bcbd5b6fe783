// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.SequenceLayout;
import dev.heapwalk.python.layout.TypeLayout;

/** A list. C name {@code PyListObject}. */
public final class PyList extends PyObject {

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyList(ObjectReader reader) {
        super(reader, SequenceLayout.LIST_BYTES);
    }

    @Override
    public boolean accepts(long typeFlags) {
        return (typeFlags & TypeLayout.LIST_SUBCLASS) != 0;
    }

    /**
     * How many items it has.
     *
     * @return {@code ob_size}, as the object tells it
     */
    public long size() {
        return longAt(ObjectLayout.SIZE);
    }

    /**
     * Where the items lie.
     *
     * @return {@code ob_item}, target address of memory that the list owns; 0 if it has none
     */
    public long items() {
        return longAt(SequenceLayout.LIST_ITEMS);
    }

    /**
     * For how many items there is room.
     *
     * @return {@code allocated}
     */
    public long allocated() {
        return longAt(SequenceLayout.LIST_ALLOCATED);
    }

    /**
     * An item.
     *
     * @param index from 0 to {@link #size()}
     * @return target address of an object, 0 if it can't be read
     */
    public long item(long index) {
        return reader().memory().readLong(items() + index * Long.BYTES, 0);
    }
}
