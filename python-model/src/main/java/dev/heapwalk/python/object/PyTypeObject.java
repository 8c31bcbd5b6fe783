// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;
import java.util.Optional;

/** A type. C names {@code PyTypeObject} and, for one that a program made, {@code PyHeapTypeObject}. */
public final class PyTypeObject extends PyObject {
    private final TypeLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyTypeObject(ObjectReader reader) {
        super(reader, TypeLayout.BYTES);
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).type();
    }

    @Override
    public boolean accepts(long typeFlags) {
        return (typeFlags & TypeLayout.TYPE_SUBCLASS) != 0;
    }

    /**
     * The name as C code gave it: with the module for most types of C, without for those that a program made. {@link
     * TypeNames} knows both parts of all.
     *
     * @return {@code tp_name}; empty if it can't be read, as in a core without constants
     */
    public Optional<String> name() {
        long name = longAt(TypeLayout.TP_NAME);
        String text = reader().memory().readCString(name, AddressSpace.MAX_C_STRING, "");
        return text.isEmpty() ? Optional.empty() : Optional.of(text);
    }

    /**
     * The size of an object.
     *
     * @return {@code tp_basicsize}, in bytes, without the items of one that has some
     */
    public long basicsize() {
        return longAt(TypeLayout.BASICSIZE);
    }

    /**
     * The size of each item of an object that has some.
     *
     * @return {@code tp_itemsize}, in bytes, 0 if objects have none
     */
    public long itemsize() {
        return longAt(TypeLayout.ITEMSIZE);
    }

    /**
     * The flags.
     *
     * @return {@code tp_flags}
     */
    public long flags() {
        return longAt(TypeLayout.FLAGS);
    }

    /**
     * Whether a program made it while it ran, or a module of C by a specification.
     *
     * @return whether it has {@code Py_TPFLAGS_HEAPTYPE}
     */
    public boolean isHeapType() {
        return (flags() & TypeLayout.HEAPTYPE) != 0;
    }

    /**
     * Whether the garbage collector knows its objects, which have a head before them.
     *
     * @return whether it has {@code Py_TPFLAGS_HAVE_GC}
     */
    public boolean isCollected() {
        return (flags() & TypeLayout.HAVE_GC) != 0;
    }

    /**
     * The type that it is derived from first.
     *
     * @return {@code tp_base}, target address of a {@code PyTypeObject}; 0 for {@code object}
     */
    public long base() {
        return longAt(TypeLayout.BASE);
    }

    /**
     * Its attributes.
     *
     * @return {@code tp_dict}, target address of a {@code dict}; 0 for the built-in types since 3.12, whose attributes
     *     each interpreter has for itself
     */
    public long dict() {
        return longAt(TypeLayout.DICT);
    }

    /**
     * Where an object has the pointer to its attributes.
     *
     * @return {@code tp_dictoffset}, in bytes; 0 if it has none, and negative ones are counted from its end, or since
     *     3.11 say that they are kept before the object
     */
    public long dictoffset() {
        return longAt(TypeLayout.DICTOFFSET);
    }

    /**
     * Where an object has the pointer to its weak references.
     *
     * @return {@code tp_weaklistoffset}, in bytes; 0 if it has none
     */
    public long weaklistoffset() {
        return longAt(TypeLayout.WEAKLISTOFFSET);
    }

    /**
     * The types that attributes are looked for in.
     *
     * @return {@code tp_mro}, target address of a {@code tuple}
     */
    public long mro() {
        return longAt(TypeLayout.MRO);
    }

    /** {@code ht_qualname} of one that is made by a program, or {@code ht_name} in 2.7; 0 if it can't be read. */
    long qualname() {
        return reader().field(address(), layout.qualname() < 0 ? layout.name() : layout.qualname());
    }

    @Override
    protected String describeFields() {
        return name().orElse("without a name");
    }
}
