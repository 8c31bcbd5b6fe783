// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.TypeLayout;
import java.util.List;

/** An object of a built-in type that no flag tells, or of one derived from it: the type is known by its name. */
abstract class NamedObject extends PyObject {
    private static final int DEEPEST = 64;
    private static final int LONGEST = 64;

    private final List<String> names;
    /** Of each type that was asked for, 1 if it is one. */
    private final LongTable known = new LongTable();

    NamedObject(ObjectReader reader, int bytes, String... names) {
        super(reader, bytes);
        this.names = List.of(names);
    }

    @Override
    public final boolean acceptsType(long type) {
        long answer = known.get(type, -1);
        if (answer < 0) {
            answer = isDerived(type) ? 1 : 0;
            known.put(type, answer);
        }
        return answer == 1;
    }

    private boolean isDerived(long type) {
        Reader memory = reader().memory();
        long base = type;
        for (int i = 0; i < DEEPEST && base != 0; i++) {
            boolean made = (reader().field(base, TypeLayout.FLAGS) & TypeLayout.HEAPTYPE) != 0;
            String name = memory.readCString(reader().field(base, TypeLayout.TP_NAME), LONGEST, "");
            // The name of a class that was written in Python has no module in it.
            if (names.contains(name) && (!made || name.indexOf('.') >= 0)) {
                return true;
            }
            base = reader().field(base, TypeLayout.BASE);
        }
        return false;
    }
}
