// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.libc.service;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.libc.LibcCategories;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.Map;

/**
 * The locales of a program: that which {@code setlocale} changes is a variable of the C library, those of {@code
 * newlocale} are blocks. Both have the data of twelve categories, three tables, and a name for each category.
 */
final class Locales {
    /** How many categories there are, of which one stands for all others and has no data. */
    private static final int CATEGORIES = 13;

    private static final int ALL = 6;
    private static final int TABLES = 3;
    private static final int NAMES = (CATEGORIES + TABLES) * Long.BYTES;
    /** {@code struct __locale_struct}, in bytes. */
    static final int BYTES = NAMES + CATEGORIES * Long.BYTES;

    private static final int LONGEST_NAME = 256;
    private static final long LEAST_ADDRESS = 1 << 16;

    private Locales() {}

    /** Finds the locale of a C library, and puts what it is made of where it is known. */
    static void find(ElfModule libc, Reader reader, Map<Long, Category> known) {
        for (Range range : libc.writableSegments()) {
            for (long at = range.start() + 7 & -8; at + BYTES <= range.end(); at += Long.BYTES) {
                long offset = reader.find(at, BYTES);
                if (offset >= 0 && mayBe(reader.segment(), offset) && is(reader, at, libc)) {
                    for (int i = 0; i < CATEGORIES; i++) {
                        put(reader.readLong(at + (long) i * Long.BYTES, 0), LibcCategories.LOCALE_DATA, libc, known);
                        put(
                                reader.readLong(at + NAMES + (long) i * Long.BYTES, 0),
                                LibcCategories.LOCALE_NAME,
                                libc,
                                known);
                    }
                }
            }
        }
    }

    /** The locale that a program begins with is made of constants. */
    private static void put(long address, Category category, ElfModule libc, Map<Long, Category> known) {
        if (address != 0 && !libc.contains(address)) {
            known.put(address, category);
        }
    }

    /** Whether all words where a locale has addresses may be some: a look that follows none of them. */
    static boolean mayBe(MemorySegment segment, long offset) {
        for (int i = 0; i < BYTES / Long.BYTES; i++) {
            long word = segment.get(Words.LONG, offset + (long) i * Long.BYTES);
            boolean free = i == ALL || i == NAMES / Long.BYTES + ALL;
            if (i == ALL ? word != 0 : !free && word < LEAST_ADDRESS) {
                return false;
            }
        }
        return true;
    }

    /** Whether a locale lies at an address: the tables are those of a library's constants or of the data. */
    static boolean is(Reader reader, long at, ElfModule libc) {
        if (reader.readLong(at + ALL * Long.BYTES, -1) != 0 || reader.readLong(at, 0) == 0) {
            return false;
        }
        for (int i = 0; i < CATEGORIES; i++) {
            long data = reader.readLong(at + (long) i * Long.BYTES, 0);
            long name = reader.readLong(at + NAMES + (long) i * Long.BYTES, 0);
            if (i != ALL
                    && (data == 0
                            || (data & 7) != 0
                            || name == 0
                            || !libc.contains(data) && !names(reader, data)
                            || reader.readCString(name, LONGEST_NAME, "").isEmpty())) {
                return false;
            }
        }
        return true;
    }

    /** Whether the data of a category begins with its name, or with that of the file that it is in, and where it lies. */
    private static boolean names(Reader reader, long data) {
        long name = reader.readLong(data, 0);
        return name != 0
                && !reader.readCString(name, LONGEST_NAME, "").isEmpty()
                && reader.mapped(reader.readLong(data + Long.BYTES, 0), 1);
    }
}
