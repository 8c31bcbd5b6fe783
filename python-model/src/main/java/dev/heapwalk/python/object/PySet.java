// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.SetLayout;

/**
 * A set of either kind. C name {@code PySetObject}.
 *
 * <p>It is also a cursor over its elements, in the order in which they lie in memory: {@link #rewind()} and {@link
 * #next()}.
 */
public final class PySet extends NamedObject {
    private final SetLayout layout;
    private PyBytes bytes;
    private long index;
    private long count;
    private boolean damaged;
    private long key;
    private long hash;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PySet(ObjectReader reader) {
        super(reader, SetLayout.BYTES, "set", "frozenset");
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).set();
    }

    /**
     * How many elements it has.
     *
     * @return {@code used}
     */
    public long used() {
        return longAt(SetLayout.USED);
    }

    /**
     * How many entries its table has.
     *
     * @return one more than {@code mask}
     */
    public long entries() {
        return longAt(SetLayout.MASK) + 1;
    }

    /**
     * Where its table is.
     *
     * @return {@code table}, a target address
     */
    public long table() {
        return longAt(SetLayout.TABLE);
    }

    /**
     * Whether the table is memory that the set owns, and not part of the object.
     *
     * @return whether it is
     */
    public boolean ownsTable() {
        return table() != place(layout.small());
    }

    /** Elements are looked for when somebody asks for the first one. */
    @Override
    protected void laid() {
        index = -1;
    }

    /** Goes before the first element. */
    public void rewind() {
        index = 0;
        count = entries();
        damaged = count < 0
                || count > Long.MAX_VALUE / SetLayout.ENTRY
                || !reader().memory().mapped(table(), count * SetLayout.ENTRY);
        if (damaged) {
            count = 0;
        }
    }

    /**
     * Moves to the next element.
     *
     * @return whether there is one
     */
    public boolean next() {
        if (index < 0) {
            rewind();
        }
        Reader memory = reader().memory();
        while (index < count) {
            long entry = table() + index * SetLayout.ENTRY;
            index++;
            key = memory.readLong(entry + layout.key(), 0);
            hash = memory.readLong(entry + layout.hash(), 0);
            if (key != 0 && !isRemoved()) {
                return true;
            }
        }
        return false;
    }

    private boolean isRemoved() {
        if (layout.hashOfRemoved()) {
            return hash == SetLayout.REMOVED;
        }
        if (bytes == null) {
            bytes = new PyBytes(reader());
        }
        int length = SetLayout.REMOVED_KEY.length();
        return reader().find(key, bytes)
                && bytes.size() == length
                && bytes.text(length).equals(SetLayout.REMOVED_KEY);
    }

    /**
     * Whether the set contradicts itself, so that its elements are not told.
     *
     * @return whether it does, as far as {@link #rewind()} or {@link #next()} have looked
     */
    public boolean damaged() {
        return damaged;
    }

    /**
     * The element.
     *
     * @return target address of an object
     */
    public long key() {
        return key;
    }

    /**
     * The hash of the element.
     *
     * @return what {@code hash()} tells of it
     */
    public long hash() {
        return hash;
    }
}
