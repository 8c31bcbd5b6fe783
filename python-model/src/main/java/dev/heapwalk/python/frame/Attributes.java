// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.frame;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.DictLayout;
import dev.heapwalk.python.layout.InstanceLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;
import dev.heapwalk.python.object.PyBytes;
import dev.heapwalk.python.object.PyDict;
import dev.heapwalk.python.object.PyUnicode;

/** Finds attributes of instances of classes that were written in Python, wherever an instance has them. */
final class Attributes {
    private static final int LONGEST_NAME = 1 << 10;
    /** More keys than instances share. */
    private static final int MOST_SHARED = 1 << 8;

    private final ObjectReader reader;
    private final Reader memory;
    private final PythonLayout layout;
    private final PyDict dict;
    private final PyUnicode unicode;
    private final PyBytes bytes;

    Attributes(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded());
        this.dict = new PyDict(reader);
        this.unicode = new PyUnicode(reader);
        this.bytes = new PyBytes(reader);
    }

    /** What an attribute refers to: target address of an object, 0 if the instance has no such attribute of its own. */
    long get(long object, String name) {
        long type = reader.typeAt(object);
        if (type == 0) {
            return 0;
        }
        InstanceLayout places = layout.instance();
        if ((reader.flags(type) & places.managedDict()) == 0) {
            long offset = reader.field(type, TypeLayout.DICTOFFSET);
            return offset > 0 ? item(memory.readLong(object + offset, 0), name) : 0;
        }
        long word = reader.field(object, places.dict());
        if (word != 0 && (!places.tagged() || (word & 1) == 0)) {
            return item(word, name);
        }
        long values = places.tagged()
                ? word == 0 ? 0 : word + 1
                : places.values() != 0
                        ? reader.field(object, places.values())
                        : (reader.flags(type) & layout.type().inlineValues()) != 0
                                ? object
                                        + reader.field(type, TypeLayout.BASICSIZE)
                                        + layout.dict().valuesHead()
                                : 0;
        return values == 0 ? 0 : value(reader.field(type, layout.type().cachedKeys()), values, name);
    }

    private long item(long address, String name) {
        return reader.find(address, dict) ? dict.get(name) : 0;
    }

    /** A value in the order of the keys that instances of a type share, which are all text. */
    private long value(long keys, long values, String name) {
        DictLayout places = layout.dict();
        long count = memory.readLong(keys + places.count(), 0);
        long log2 = memory.readByte(keys + places.log2IndexBytes(), (byte) 0);
        if (count < 0 || count > MOST_SHARED || log2 < 0 || log2 > DictLayout.LARGEST_LOG2) {
            return 0;
        }
        long entries = keys + places.indices() + (1L << log2);
        for (long i = 0; i < count; i++) {
            if (text(memory.readLong(entries + i * DictLayout.PLAIN_ENTRY, 0)).equals(name)) {
                return memory.readLong(values + i * Long.BYTES, 0);
            }
        }
        return 0;
    }

    /** A text or a name; empty if it is none. */
    String text(long address) {
        if (reader.find(address, unicode)) {
            return unicode.text(LONGEST_NAME);
        }
        return reader.find(address, bytes) ? bytes.text(LONGEST_NAME) : "";
    }

    /** What a module holds by a name: target address of an object, 0 if there is no such module or name. */
    long ofModule(long modules, String module, String name) {
        if (!reader.find(modules, dict)) {
            return 0;
        }
        long found = dict.get(module);
        return get(found, name);
    }
}
