// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.DictLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.StringLayout;
import dev.heapwalk.python.layout.TypeLayout;
import dev.heapwalk.python.object.PyDict;

/** Knows the dictionary of interned strings, each of which is its own value. */
final class InternedTable {
    /** An interpreter has more before it runs a line. */
    private static final int LEAST = 512;

    private static final int LOOKED_AT = 64;

    private final ObjectReader reader;
    private final Reader memory;
    private final DictLayout layout;
    private final PyDict dict;
    private final int state;

    InternedTable(PythonRuntime runtime, ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.layout = PythonLayout.of(runtime.series()).dict();
        this.dict = new PyDict(reader);
        this.state = layout.keys() < 0 ? StringLayout.BYTES_STATE : StringLayout.STATE;
    }

    /** Whether an object is that dictionary. */
    boolean is(long object, long type) {
        return (reader.flags(type) & TypeLayout.DICT_SUBCLASS) != 0
                && memory.readLong(object + layout.used(), 0) >= LEAST
                && reader.find(object, dict)
                && hasInterned();
    }

    private boolean hasInterned() {
        dict.rewind();
        for (int i = 0; i < LOOKED_AT; i++) {
            if (!dict.next()
                    || dict.key() != dict.value()
                    || (memory.readInt(dict.key() + state, 0) & StringLayout.INTERNED) == 0) {
                return false;
            }
        }
        return true;
    }
}
