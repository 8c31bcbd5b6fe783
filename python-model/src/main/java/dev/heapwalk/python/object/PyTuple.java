// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;

/** A tuple, or a structure with names for its items. C name {@code PyTupleObject}. */
public final class PyTuple extends PyObject {
    private final int items;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyTuple(ObjectReader reader) {
        super(reader, ObjectLayout.SIZE + Long.BYTES);
        this.items = PythonLayout.of(reader.series(), reader.freeThreaded())
                .sequence()
                .tupleItems();
    }

    @Override
    public boolean accepts(long typeFlags) {
        return (typeFlags & TypeLayout.TUPLE_SUBCLASS) != 0;
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
     * @return a target address within the object
     */
    public long items() {
        return place(items);
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
