// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.managed;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/**
 * The table in which HotSpot tells where its fields lie, for debuggers: {@code gHotSpotVMStructs}. Every JVM since 6 has
 * it, stripped or not.
 */
final class VmStructs {
    private static final String ENTRY = "gHotSpotVMStructEntry";
    /** No table has more rows. */
    private static final int MOST = 20_000;

    private static final int LONGEST_NAME = 100;

    private final Map<String, Long> places = new HashMap<>();

    /**
     * Reads the table.
     *
     * @param library the JVM's library
     * @param reader reads its memory
     * @param wanted the fields that are needed, such as {@code Universe::_collectedHeap}
     */
    VmStructs(ElfModule library, Reader reader, Set<String> wanted) {
        long row = variable(library, reader, "gHotSpotVMStructs");
        long stride = variable(library, reader, ENTRY + "ArrayStride");
        long typeName = variable(library, reader, ENTRY + "TypeNameOffset");
        long fieldName = variable(library, reader, ENTRY + "FieldNameOffset");
        long isStatic = variable(library, reader, ENTRY + "IsStaticOffset");
        long offset = variable(library, reader, ENTRY + "OffsetOffset");
        long address = variable(library, reader, ENTRY + "AddressOffset");
        if (row == 0 || stride <= 0) {
            return;
        }
        for (int i = 0; i < MOST; i++, row += stride) {
            long type = reader.readLong(row + typeName, 0);
            long field = reader.readLong(row + fieldName, 0);
            if (type == 0 || field == 0) {
                return;
            }
            String name =
                    reader.readCString(type, LONGEST_NAME, "") + "::" + reader.readCString(field, LONGEST_NAME, "");
            if (wanted.contains(name)) {
                places.put(
                        name,
                        reader.readInt(row + isStatic, 0) == 0
                                ? reader.readLong(row + offset, 0)
                                : reader.readLong(row + address, 0));
            }
        }
    }

    private static long variable(ElfModule library, Reader reader, String name) {
        OptionalLong at = library.symbol(name);
        return at.isPresent() ? reader.readLong(at.getAsLong(), 0) : 0;
    }

    /** Where a field lies: its offset, or, of a static one, its address; empty if the table does not have it. */
    OptionalLong place(String field) {
        Long place = places.get(field);
        return place == null ? OptionalLong.empty() : OptionalLong.of(place);
    }

    /** Whether it has all of some fields. */
    boolean has(String... fields) {
        for (String field : fields) {
            if (!places.containsKey(field)) {
                return false;
            }
        }
        return true;
    }

    /** The place of a field that it has. */
    long of(String field) {
        return places.get(field);
    }
}
