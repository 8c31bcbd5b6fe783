// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.memory.struct.StructView;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import java.lang.foreign.MemorySegment;

/**
 * What all objects have in common. C name {@code PyObject}. A flyweight, laid by {@link ObjectReader#find}.
 */
public class PyObject extends StructView {
    private final ObjectReader reader;
    private final ObjectLayout layout;
    private final int bytes;
    private long references;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyObject(ObjectReader reader) {
        this(reader, ObjectLayout.BYTES);
    }

    /**
     * Makes a view of a larger structure.
     *
     * @param reader what reads the objects
     * @param bytes how much of an object it looks at, in bytes
     */
    PyObject(ObjectReader reader, int bytes) {
        this.reader = reader;
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).object();
        this.bytes = bytes;
    }

    /**
     * How much of an object it looks at.
     *
     * @return bytes
     */
    public final int bytes() {
        return bytes;
    }

    /**
     * Whether it is a view of the objects of a type.
     *
     * @param typeFlags {@code tp_flags} of the type
     * @return whether it is; one of {@code PyObject} takes all
     */
    public boolean accepts(long typeFlags) {
        return true;
    }

    /**
     * Whether it is a view of the objects of a type that {@link #accepts} has told nothing against.
     *
     * @param type target address of the type
     * @return whether it is; one of a type without flags of its own looks for that type by its name
     */
    public boolean acceptsType(long type) {
        return true;
    }

    /**
     * Lays the view over a copy of an object.
     *
     * @param from local memory that holds the object
     * @param offset where in that memory it begins
     * @param address where in the target it begins
     */
    public final void keepObject(MemorySegment from, long offset, long address) {
        references = layout.references(from, offset + layout.shift());
        keep(from, offset + layout.shift(), address, bytes);
    }

    /**
     * Where a field lies.
     *
     * @param field where it lies in the object, as layouts tell it
     * @return its target address
     */
    final long place(long field) {
        return address() + layout.shift() + field;
    }

    /**
     * What follows its pointers.
     *
     * @return the reader that it was made with
     */
    protected final ObjectReader reader() {
        return reader;
    }

    /**
     * How many references it is held by.
     *
     * @return {@code ob_refcnt}; without meaning if the object is {@link #immortal()}
     */
    public final long refcnt() {
        return references & layout.countMask();
    }

    /**
     * Whether its references are not counted, since 3.12.
     *
     * @return whether it lives as long as its interpreter
     */
    public final boolean immortal() {
        return (references & layout.immortalBit()) != 0;
    }

    /**
     * Its type.
     *
     * @return {@code ob_type}, target address of a {@code PyTypeObject}
     */
    public final long type() {
        return longAt(ObjectLayout.TYPE);
    }

    @Override
    protected String describeFields() {
        return "type 0x%x".formatted(type());
    }
}
