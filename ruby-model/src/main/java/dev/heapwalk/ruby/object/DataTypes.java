// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import java.util.HashMap;
import java.util.Map;

/** The names of the types of data. C name {@code rb_data_type_t.wrap_struct_name}. For one thread. */
public final class DataTypes {
    private static final int LONGEST = 256;

    private final Map<Long, String> names = new HashMap<>();

    /** Makes one that knows no name yet. */
    public DataTypes() {}

    /**
     * The name of the type of an object.
     *
     * @param data an object whose data C code holds
     * @return for example {@code VM/thread}; null if it tells no type
     */
    public String of(RData data) {
        if (!data.typed()) {
            return null;
        }
        long type = data.dataType();
        String known = names.get(type);
        if (known == null) {
            known = name(data);
            if (known != null) {
                names.put(type, known);
            }
        }
        return known;
    }

    /**
     * Reads the name of the type of an object.
     *
     * @param data an object whose data C code holds
     * @return the name; null if it tells no type, or none that can be read
     */
    public static String name(RData data) {
        try {
            ObjectReader reader = data.reader();
            return data.typed() ? reader.cString(reader.word(data.dataType()), LONGEST) : null;
        } catch (UnmappedAddressException e) {
            return null;
        }
    }
}
