// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The names of the types of data. C name {@code rb_data_type_t.wrap_struct_name}. For one thread. */
public final class DataTypes {
    private static final int LONGEST = 256;

    private final LongTable numbers = new LongTable();
    private final List<Optional<String>> names = new ArrayList<>();

    /** Makes one that knows no name yet. */
    public DataTypes() {}

    /**
     * The name of the type of an object.
     *
     * @param data an object whose data C code holds
     * @return for example {@code VM/thread}; empty if it tells no type
     */
    public Optional<String> of(RData data) {
        if (!data.typed()) {
            return Optional.empty();
        }
        long type = data.dataType();
        int number = (int) numbers.get(type, -1);
        if (number >= 0) {
            return names.get(number);
        }
        Optional<String> name = name(data);
        if (name.isPresent() && type != 0) {
            numbers.put(type, names.size());
            names.add(name);
        }
        return name;
    }

    /** Forgets what was read before, for a target that runs on. */
    public void forget() {
        numbers.reuse();
        names.clear();
    }

    /**
     * Reads the name of the type of an object.
     *
     * @param data an object whose data C code holds
     * @return the name; empty if it tells no type, or none that can be read
     */
    public static Optional<String> name(RData data) {
        return data.typed() ? name(data.reader(), data.dataType()) : Optional.empty();
    }

    /**
     * Reads the name of a type.
     *
     * @param reader what reads the objects
     * @param type target address of a {@code rb_data_type_t}
     * @return the name; empty if it can't be read
     */
    public static Optional<String> name(ObjectReader reader, long type) {
        try {
            return Optional.of(reader.memory().readCString(reader.memory().readLong(type), LONGEST));
        } catch (UnmappedAddressException e) {
            return Optional.empty();
        }
    }
}
