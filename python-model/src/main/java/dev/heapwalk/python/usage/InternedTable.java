// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

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
    private final DictLayout layout;
    private final PyDict dict;
    private final int state;

    InternedTable(PythonRuntime runtime, ObjectReader reader) {
        this.reader = reader;
        this.layout = PythonLayout.of(runtime.series(), runtime.freeThreaded()).dict();
        this.dict = new PyDict(reader);
        this.state = layout.keys() < 0 ? StringLayout.BYTES_STATE : StringLayout.STATE;
    }

    /** Whether an object is that dictionary. */
    boolean is(long object, long type) {
        return (reader.flags(type) & TypeLayout.DICT_SUBCLASS) != 0
                && reader.field(object, layout.used()) >= LEAST
                && reader.find(object, dict)
                && hasInterned();
    }

    private boolean hasInterned() {
        dict.rewind();
        for (int i = 0; i < LOOKED_AT; i++) {
            if (!dict.next()
                    || dict.key() != dict.value()
                    || (reader.field(dict.key(), state) & StringLayout.INTERNED) == 0) {
                return false;
            }
        }
        return true;
    }
}
