// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.ruby.table.StEntries;

/**
 * Where the instance variables are of objects that have no room for them, read from the target's table when first
 * asked.
 */
final class GenericIvars {
    private final ObjectReader reader;
    private final LongTable places = new LongTable();
    private boolean read;

    GenericIvars(ObjectReader reader) {
        this.reader = reader;
    }

    /** Target address of a {@code struct gen_ivtbl} (of an {@code imemo_fields} since 4.0), 0 if an object has none. */
    long get(long object) {
        if (!read) {
            read = true;
            StEntries entries = new StEntries(reader).over(reader.vm().genericIvars());
            while (entries.next()) {
                if (entries.key() != 0) {
                    places.put(entries.key(), entries.record());
                }
            }
        }
        return places.get(object, 0);
    }

    void forget() {
        places.clear();
        read = false;
    }
}
