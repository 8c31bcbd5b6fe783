// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jvm.service;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.ArrayList;
import java.util.List;

/**
 * The names of tags, which are other numbers in each release: a table of the virtual machine, found by its first two
 * entries. In newer releases each entry has a second name before it.
 */
final class TagNames {
    private static final String FIRST = "Java Heap";
    private static final String SECOND = "Class";
    /** The first eight letters of the first name, as a word. */
    private static final long FIRST_WORD = 0x61654820_6176614aL;

    private static final int MOST = 64;
    private static final int LONGEST = 64;
    private static final long BUDGET = 4 << 20;

    private final List<String> names;

    private TagNames(List<String> names) {
        this.names = names;
    }

    static TagNames of(ElfModule library, AddressSpace memory) {
        try (Reader reader = memory.reader(BUDGET)) {
            for (Range range : library.writableSegments()) {
                for (long at = range.start() + 7 & -8; at + 2 * Long.BYTES <= range.end(); at += Long.BYTES) {
                    long word = reader.readLong(at, 0);
                    if (word != 0
                            && reader.readLong(word, 0) == FIRST_WORD
                            && text(reader, at).equals(FIRST)) {
                        for (int step = Long.BYTES; step <= 2 * Long.BYTES; step += Long.BYTES) {
                            if (text(reader, at + step).equals(SECOND)) {
                                return new TagNames(names(reader, at, step));
                            }
                        }
                    }
                }
            }
        }
        return new TagNames(List.of());
    }

    private static List<String> names(Reader reader, long table, int step) {
        List<String> names = new ArrayList<>();
        String name = FIRST;
        while (!name.isEmpty() && names.size() < MOST) {
            names.add(name);
            name = text(reader, table + (long) names.size() * step);
        }
        return names;
    }

    private static String text(Reader reader, long pointer) {
        long text = reader.readLong(pointer, 0);
        return text == 0 ? "" : reader.readCString(text, LONGEST, "");
    }

    /** The name of a tag; its number if there is no table, as in a core without the file of the virtual machine. */
    String of(int tag) {
        return tag < names.size() ? names.get(tag) : "tag " + tag;
    }
}
