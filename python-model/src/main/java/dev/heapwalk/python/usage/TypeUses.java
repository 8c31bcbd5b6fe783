// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.python.object.TypeNames;
import dev.heapwalk.python.owned.BufferKind;
import java.util.Arrays;

/** What the objects of each type are, what they own, and their dictionaries, as numbers of a {@link UseTable}. */
final class TypeUses {
    private static final int KINDS = BufferKind.values().length;
    /** An object, each kind of buffer, an instance's dictionary, and each kind of buffer of it. */
    private static final int EACH = 2 * (KINDS + 1);

    private static final String DICT = "instance __dict__";

    private final UseTable table;
    private final TypeNames names;
    private int[] numbers = new int[1 << 12];
    private boolean[] dicts = new boolean[1 << 8];

    TypeUses(UseTable table, TypeNames names) {
        this.table = table;
        this.names = names;
    }

    static Category category(String kind, String detail) {
        return new Category(PythonHeap.DOMAIN, kind, detail);
    }

    /** The use of an object. */
    int object(int type, long address) {
        int index = type * EACH;
        int known = at(index);
        return known != 0 ? known : keep(index, category(names.of(address).toString(), ""));
    }

    /** The use of a buffer that an object owns. */
    int buffer(int type, long address, BufferKind kind) {
        int index = type * EACH + 1 + kind.ordinal();
        int known = at(index);
        return known != 0
                ? known
                : keep(index, category(kind.label(), names.of(address).toString()));
    }

    /** The use of the dictionary of an instance. */
    int dict(int type, long address) {
        int index = type * EACH + 1 + KINDS;
        int known = at(index);
        if (known == 0) {
            known = keep(index, category(DICT, names.of(address).toString()));
            if (known >= dicts.length) {
                dicts = Arrays.copyOf(dicts, 2 * known);
            }
            dicts[known] = true;
        }
        return known;
    }

    /** Whether a use is that of an instance's dictionary. */
    boolean isDict(int number) {
        return number < dicts.length && dicts[number];
    }

    /** The use of a buffer that the dictionary of an instance owns. */
    int dictBuffer(int type, long address, BufferKind kind) {
        int index = type * EACH + 2 + KINDS + kind.ordinal();
        int known = at(index);
        return known != 0 ? known : keep(index, category(kind.label(), "__dict__ of " + names.of(address)));
    }

    private int at(int index) {
        return index < numbers.length ? numbers[index] : 0;
    }

    private int keep(int index, Category category) {
        if (index >= numbers.length) {
            numbers = Arrays.copyOf(numbers, Math.max(index + 1, 2 * numbers.length));
        }
        numbers[index] = table.number(category);
        return numbers[index];
    }
}
