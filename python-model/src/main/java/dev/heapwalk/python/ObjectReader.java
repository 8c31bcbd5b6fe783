// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;
import dev.heapwalk.python.object.PyObject;
import dev.heapwalk.python.object.TypeNames;

/**
 * Follows the pointers of a Python heap: reads objects by address. It keeps what it has read and the names of types, so
 * it belongs to one thread; make another for each. Whoever made it closes it.
 *
 * <p>A reference that a target holds may lead to anything: {@link #find} looks whether an object lies there before it
 * lays a view.
 */
public final class ObjectReader implements AutoCloseable {
    private final PythonLayout layout;
    private final int shift;
    private final Reader memory;
    private final int wideUnit;
    private TypeNames typeNames;

    /**
     * Makes a reader.
     *
     * @param wideUnit how many bytes a unit of text has in a string of 2.7
     */
    ObjectReader(PythonLayout layout, Reader memory, int wideUnit) {
        this.layout = layout;
        this.shift = layout.object().shift();
        this.memory = memory;
        this.wideUnit = wideUnit;
    }

    /**
     * The series of versions whose objects are read.
     *
     * @return 100 times the major and the minor number, such as 311
     */
    public int series() {
        return layout.version();
    }

    /**
     * Whether the objects are those of a build without the global interpreter lock.
     *
     * @return whether they are
     */
    public boolean freeThreaded() {
        return layout.freeThreaded();
    }

    /**
     * Reads a word of an object.
     *
     * @param object target address of an object, or anything
     * @param field where the word lies, as layouts tell it
     * @return the word, 0 if it can't be read
     */
    public long field(long object, long field) {
        return memory.readLong(place(object, field), 0);
    }

    /**
     * Where a field of an object lies.
     *
     * @param object target address of an object
     * @param field where the field lies, as layouts tell it
     * @return its target address
     */
    public long place(long object, long field) {
        return object + shift + field;
    }

    /**
     * What reads the memory of the target by address.
     *
     * @return the same object at every call
     */
    public Reader memory() {
        return memory;
    }

    /**
     * How many bytes a unit of text has in a {@code unicode} of 2.7.
     *
     * @return 2 or 4; nothing depends on it in other versions
     */
    public int wideUnit() {
        return wideUnit;
    }

    /**
     * The type of the object at an address, if one may lie there: its type is a type, and so is the type of that.
     *
     * @param address a target address, or anything
     * @return target address of its {@code PyTypeObject}, 0 if no object lies there
     */
    public long typeAt(long address) {
        if ((address & 7) != 0) {
            return 0;
        }
        long type = field(address, ObjectLayout.TYPE);
        return type != 0 && isType(type) ? type : 0;
    }

    /** Whether the type of what lies at an address is one whose objects are types. */
    private boolean isType(long address) {
        if ((address & 7) != 0) {
            return false;
        }
        long metatype = field(address, ObjectLayout.TYPE);
        return (metatype & 7) == 0 && (field(metatype, TypeLayout.FLAGS) & TypeLayout.TYPE_SUBCLASS) != 0;
    }

    /**
     * The flags of a type.
     *
     * @param type target address of a {@code PyTypeObject}
     * @return {@code tp_flags}, 0 if they can't be read
     */
    public long flags(long type) {
        return field(type, TypeLayout.FLAGS);
    }

    /**
     * Lays a view over an object, if one of its kind lies there.
     *
     * @param address a target address, or anything
     * @param view the view to lay; it keeps a copy of the object's head, so that other things can be read meanwhile
     * @return whether it was laid
     */
    public boolean find(long address, PyObject view) {
        long type = typeAt(address);
        if (type == 0 || !view.accepts(flags(type)) || !view.acceptsType(type)) {
            return false;
        }
        return lay(address, view);
    }

    /**
     * Lays a view over an object that is known to be of its kind.
     *
     * @param address target address of an object
     * @param view the view to lay
     * @return whether it was laid: the object could be read
     */
    public boolean lay(long address, PyObject view) {
        long offset = memory.find(address, shift + view.bytes());
        if (offset < 0) {
            return false;
        }
        view.keepObject(memory.segment(), offset, address);
        return true;
    }

    /**
     * The names of types.
     *
     * @return the same object at every call
     */
    public TypeNames typeNames() {
        if (typeNames == null) {
            typeNames = new TypeNames(this);
        }
        return typeNames;
    }

    /** Frees its buffers. A read after it throws an {@link IllegalStateException}. A second call does nothing. */
    @Override
    public void close() {
        memory.close();
    }
}
