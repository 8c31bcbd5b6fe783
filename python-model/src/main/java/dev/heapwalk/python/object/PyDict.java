// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.DictLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;

/**
 * A dictionary, of one of three forms: a table of entries (2.7), entries of its own, or values of its own for keys that
 * many dictionaries share. C name {@code PyDictObject}.
 *
 * <p>It is also a cursor over its entries, in the order in which they lie in memory: {@link #rewind()} and {@link
 * #next()}.
 */
public final class PyDict extends PyObject {
    private static final int LONGEST_NAME = 1 << 10;

    private final DictLayout layout;
    private PyUnicode unicode;
    private PyBytes bytes;

    // The entries: where they begin, how large each is, where its key is, and where values are that lie elsewhere.
    private long entries;
    private int entrySize;
    private int keyOffset;
    private long values;
    private long count;
    private long room;
    private long index;
    private boolean damaged;

    private long key;
    private long value;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyDict(ObjectReader reader) {
        super(reader, DictLayout.BYTES);
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).dict();
    }

    @Override
    public boolean accepts(long typeFlags) {
        return (typeFlags & TypeLayout.DICT_SUBCLASS) != 0;
    }

    /** Entries are looked for when somebody asks for the first one. */
    @Override
    protected void laid() {
        index = -1;
    }

    /**
     * How many entries it has.
     *
     * @return {@code ma_used}
     */
    public long used() {
        return longAt(layout.used());
    }

    /**
     * Where its keys are.
     *
     * @return {@code ma_keys}, target address of a {@code PyDictKeysObject}; 0 in 2.7
     */
    public long keys() {
        return layout.keys() < 0 ? 0 : longAt(layout.keys());
    }

    /**
     * Where the values of shared keys are.
     *
     * @return {@code ma_values}, a target address; 0 if it has entries of its own
     */
    public long values() {
        return layout.values() < 0 ? 0 : longAt(layout.values());
    }

    /** Goes before the first entry. */
    public void rewind() {
        index = 0;
        count = 0;
        room = 0;
        values = 0;
        damaged = false;
        if (layout.keys() < 0) {
            entries = longAt(layout.table());
            entrySize = DictLayout.HASHED_ENTRY;
            keyOffset = entrySize - DictLayout.PLAIN_ENTRY;
            room = DictLayout.room(longAt(layout.mask()) + 1);
            accept(longAt(layout.mask()) + 1);
        } else {
            findEntries(keys());
        }
    }

    private void findEntries(long keys) {
        Reader memory = reader().memory();
        if (memory.find(keys, DictLayout.KEYS_BYTES) < 0) {
            damaged = true;
            return;
        }
        long size;
        long indexBytes;
        if (layout.keysSize() >= 0) {
            size = memory.readLong(keys + layout.keysSize());
            int width = size <= 0xFF ? 1 : size <= 0xFFFF ? 2 : size <= 0xFFFFFFFFL ? 4 : 8;
            indexBytes = size < 0 || size > 1L << DictLayout.LARGEST_LOG2 ? -1 : size * width;
            entrySize = DictLayout.HASHED_ENTRY;
        } else {
            size = power(memory.readByte(keys + layout.log2Size()));
            indexBytes = power(memory.readByte(keys + layout.log2IndexBytes()));
            entrySize = memory.readByte(keys + layout.kind()) == DictLayout.GENERAL
                    ? DictLayout.HASHED_ENTRY
                    : DictLayout.PLAIN_ENTRY;
        }
        if (indexBytes < 0) {
            damaged = true;
            return;
        }
        keyOffset = entrySize - DictLayout.PLAIN_ENTRY;
        entries = keys + layout.indices() + indexBytes;
        values = values() == 0 ? 0 : values() + layout.valuesHead();
        long said = memory.readLong(keys + layout.count());
        room = DictLayout.room(size);
        accept(said > size ? -1 : said);
    }

    /**
     * How many entries there is room for before it grows.
     *
     * @return a count, as far as {@link #rewind()} or {@link #next()} have looked; 0 if it contradicts itself
     */
    public long room() {
        return damaged ? 0 : room;
    }

    /**
     * How large an entry is.
     *
     * @return bytes, as far as {@link #rewind()} or {@link #next()} have looked
     */
    public int entryBytes() {
        return entrySize;
    }

    /** 2 to the power of a number; -1 where that is no size. */
    private static long power(int log2) {
        return log2 < 0 || log2 > DictLayout.LARGEST_LOG2 ? -1 : 1L << log2;
    }

    /** Believes a count if there is memory for so many entries. */
    private void accept(long said) {
        if (said < 0 || said > Long.MAX_VALUE / entrySize) {
            damaged = true;
        } else if (said > 0 && !reader().memory().mapped(entries, said * entrySize)) {
            damaged = true;
        } else if (said > 0 && values != 0 && !reader().memory().mapped(values, said * Long.BYTES)) {
            damaged = true;
        } else {
            count = said;
        }
    }

    /**
     * Moves to the next entry.
     *
     * @return whether there is one
     */
    public boolean next() {
        if (index < 0) {
            rewind();
        }
        Reader memory = reader().memory();
        while (index < count) {
            long at = entries + index * entrySize + keyOffset;
            long of = values == 0 ? at + Long.BYTES : values + index * Long.BYTES;
            index++;
            key = memory.readLong(at, 0);
            value = memory.readLong(of, 0);
            if (key != 0 && value != 0) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether the dictionary contradicts itself, so that some or all of its entries are not told.
     *
     * @return whether it does, as far as {@link #rewind()} or {@link #next()} have looked
     */
    public boolean damaged() {
        return damaged;
    }

    /**
     * The key of the entry.
     *
     * @return target address of an object
     */
    public long key() {
        return key;
    }

    /**
     * The value of the entry.
     *
     * @return target address of an object
     */
    public long value() {
        return value;
    }

    /**
     * Looks for a value by a name, entry by entry.
     *
     * @param name text of at most a thousand characters
     * @return target address of the value, 0 if there is none
     */
    public long get(String name) {
        if (unicode == null) {
            unicode = new PyUnicode(reader());
            bytes = new PyBytes(reader());
        }
        rewind();
        while (next()) {
            if (isNamed(name)) {
                return value;
            }
        }
        return 0;
    }

    private boolean isNamed(String name) {
        if (reader().find(key, unicode)) {
            return unicode.length() == name.length()
                    && unicode.text(LONGEST_NAME).equals(name);
        }
        return reader().find(key, bytes)
                && bytes.size() == name.length()
                && bytes.text(LONGEST_NAME).equals(name);
    }

    @Override
    protected String describeFields() {
        return used() + " entries";
    }
}
