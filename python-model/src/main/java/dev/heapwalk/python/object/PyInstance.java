// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.DictLayout;
import dev.heapwalk.python.layout.InstanceLayout;
import dev.heapwalk.python.layout.IntLayout;
import dev.heapwalk.python.layout.MemberLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;

/**
 * An object as something with attributes of its own, of whatever type: the values of its {@code __slots__}, then those
 * of its {@code __dict__}, or what it has in the place of one. Attributes of its class are not told.
 */
public final class PyInstance extends PyObject {
    private static final int DEEPEST = 64;
    private static final int MOST_SLOTS = 1 << 12;
    private static final int LONGEST_NAME = 256;
    private static final int MOST_VALUES = 255;

    private final PythonLayout layout;
    private final PyDict dict;
    private final PyLong number;
    private final PyUnicode unicode;
    private final PyBytes bytes;

    private boolean started;
    /** The class whose slots are told, 0 behind the last one. */
    private long slotsOf;

    private int depth;
    private long slot;
    private long slots;
    /** Values without a dictionary: where they are, how many, and the keys in whose order they are. */
    private long values;

    private long count;
    private long entries;
    private long index;
    private boolean inDict;

    private long name;
    private long slotName;
    private long value;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyInstance(ObjectReader reader) {
        super(reader);
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded());
        this.dict = new PyDict(reader);
        this.number = new PyLong(reader);
        this.unicode = new PyUnicode(reader);
        this.bytes = new PyBytes(reader);
    }

    /** Attributes are looked for when somebody asks for the first one. */
    @Override
    protected void laid() {
        started = false;
    }

    /**
     * Its dictionary.
     *
     * @return {@code __dict__}, target address of an object; 0 if nobody has asked for it yet, or it can't have one
     */
    public long dict() {
        Reader memory = reader().memory();
        InstanceLayout instance = layout.instance();
        if ((reader().flags(type()) & instance.managedDict()) != 0) {
            long word = reader().field(address(), instance.dict());
            return instance.tagged() && (word & 1) != 0 ? 0 : word;
        }
        long offset = reader().field(type(), TypeLayout.DICTOFFSET);
        return offset == 0 ? 0 : memory.readLong(address() + (offset > 0 ? offset : fromEnd(offset)), 0);
    }

    /** C name {@code _PyObject_GetDictPtr}: a negative offset counts from the end of the items. */
    private long fromEnd(long offset) {
        Reader memory = reader().memory();
        long items = Math.abs(reader().field(address(), ObjectLayout.SIZE));
        if (layout.number().tagged() && reader().find(address(), number)) {
            items = reader().field(address(), IntLayout.SIZE) >>> IntLayout.TAG_SHIFT;
        }
        long size = reader().field(type(), TypeLayout.BASICSIZE) + items * reader().field(type(), TypeLayout.ITEMSIZE);
        return (size + Long.BYTES - 1 & -Long.BYTES) + offset;
    }

    /** Goes before the first attribute. */
    public void rewind() {
        started = true;
        depth = 0;
        slots(type());
        inDict = false;
        findValues();
    }

    /** Begins with the slots of a class, or of the next one that has some. */
    private void slots(long of) {
        Reader memory = reader().memory();
        slotsOf = of;
        slot = 0;
        slots = 0;
        while (slotsOf != 0 && depth++ < DEEPEST) {
            if ((reader().flags(slotsOf) & TypeLayout.HEAPTYPE) != 0) {
                slots = Math.clamp(reader().field(slotsOf, ObjectLayout.SIZE), 0, MOST_SLOTS);
            }
            if (slots > 0) {
                return;
            }
            slotsOf = reader().field(slotsOf, TypeLayout.BASE);
        }
        slotsOf = 0;
    }

    private void findValues() {
        Reader memory = reader().memory();
        InstanceLayout instance = layout.instance();
        values = 0;
        count = 0;
        index = 0;
        if ((reader().flags(type()) & instance.managedDict()) == 0 || dict() != 0) {
            return;
        }
        if (instance.inline()) {
            values = address() + reader().field(type(), TypeLayout.BASICSIZE);
            if ((reader().flags(type()) & layout.type().inlineValues()) == 0
                    || memory.readByte(values + DictLayout.VALUES_VALID, (byte) 0) == 0) {
                values = 0;
                return;
            }
            count = memory.readByte(values + DictLayout.VALUES_CAPACITY, (byte) 0) & 0xFF;
            values += layout.dict().valuesHead();
        } else {
            values = instance.tagged()
                    ? reader().field(address(), instance.dict()) + 1
                    : reader().field(address(), instance.values());
            count = (values & -Long.BYTES) == 0 ? 0 : MOST_VALUES;
        }
        long keys = reader().field(type(), layout.type().cachedKeys());
        byte log2 = memory.readByte(keys + layout.dict().log2IndexBytes(), (byte) -1);
        if (log2 < 0 || log2 > DictLayout.LARGEST_LOG2) {
            count = 0;
            return;
        }
        entries = keys + layout.dict().indices() + (1L << log2);
        count = Math.clamp(memory.readLong(keys + layout.dict().count(), 0), 0, count);
    }

    /**
     * Moves to the next attribute that has a value.
     *
     * @return whether there is one
     */
    public boolean next() {
        if (!started) {
            rewind();
        }
        if (nextSlot()) {
            return true;
        }
        Reader memory = reader().memory();
        slotName = 0;
        while (index < count) {
            name = memory.readLong(entries + index * DictLayout.PLAIN_ENTRY, 0);
            value = memory.readLong(values + index * Long.BYTES, 0);
            index++;
            if (value != 0) {
                return true;
            }
        }
        if (!inDict) {
            if (!reader().find(dict(), dict)) {
                return false;
            }
            inDict = true;
        }
        if (dict.next()) {
            name = dict.key();
            value = dict.value();
            return true;
        }
        return false;
    }

    private boolean nextSlot() {
        Reader memory = reader().memory();
        while (slotsOf != 0) {
            long member = reader().field(slotsOf, TypeLayout.MEMBERS) + slot * TypeLayout.MEMBER_SIZE;
            slot++;
            if (memory.readInt(member + MemberLayout.TYPE, -1) == MemberLayout.OBJECT) {
                value = memory.readLong(address() + memory.readLong(member + MemberLayout.OFFSET, 0), 0);
                slotName = memory.readLong(member + MemberLayout.NAME, 0);
                name = 0;
            } else {
                value = 0;
            }
            if (slot >= slots) {
                slots(reader().field(slotsOf, TypeLayout.BASE));
            }
            if (value != 0) {
                return true;
            }
        }
        return false;
    }

    /**
     * The object that is the name of the attribute.
     *
     * @return target address of a text, or of any object that was put into the {@code __dict__} as a key; 0 for a slot,
     *     whose name is a C string
     */
    public long name() {
        return name;
    }

    /**
     * The name of the attribute as a text.
     *
     * @return a text of at most some hundred characters; empty if it is none
     */
    public String nameText() {
        if (slotName != 0) {
            return reader().memory().readCString(slotName, LONGEST_NAME, "");
        }
        if (reader().find(name, unicode)) {
            return unicode.text(LONGEST_NAME);
        }
        return reader().find(name, bytes) ? bytes.text(LONGEST_NAME) : "";
    }

    /**
     * What the attribute refers to.
     *
     * @return target address of an object
     */
    public long value() {
        return value;
    }
}
