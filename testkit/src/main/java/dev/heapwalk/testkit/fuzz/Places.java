// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** The addresses of the words of each kind. */
final class Places {
    private static final int FLAGS = 7;

    private final Map<Place, TreeSet<Long>> words = new EnumMap<>(Place.class);

    /** Adds the words of a range. */
    void add(Place place, long address, long size) {
        TreeSet<Long> set = words.computeIfAbsent(place, none -> new TreeSet<>());
        for (long at = address & -8L; at + 8 <= address + size; at += 8) {
            set.add(at);
        }
    }

    /**
     * Adds the first words of a block of malloc's that something points to, but none behind its end. Of what is no such
     * block, or begins before the address, one word.
     */
    void block(CoreFile file, Place place, long address, long most) {
        if (address == 0 || (address & 7) != 0 || file.elf().offset(address) < 0) {
            return;
        }
        long chunk = file.wordAt(address - 8) & ~(long) FLAGS;
        boolean begins = (address & 15) == 0 && chunk >= 32 && chunk < 1 << 20 && file.wordAt(address - 8 + chunk) != 0;
        add(place, address, begins ? Math.min(most, chunk - 8) : 8);
    }

    void write(Path path) throws IOException {
        List<String> lines = new ArrayList<>();
        words.forEach((place, set) -> set.forEach(word -> lines.add(place + " " + Long.toHexString(word))));
        Files.write(path, lines);
    }

    /** The addresses of a kind that a core has, in order. */
    static Map<Place, long[]> read(Path path, CoreFile file) throws IOException {
        Map<Place, List<Long>> lists = new EnumMap<>(Place.class);
        for (String line : Files.readAllLines(path)) {
            int space = line.indexOf(' ');
            long address = Long.parseUnsignedLong(line, space + 1, line.length(), 16);
            if (file.elf().offset(address) >= 0) {
                lists.computeIfAbsent(Place.valueOf(line.substring(0, space)), none -> new ArrayList<>())
                        .add(address);
            }
        }
        Map<Place, long[]> arrays = new EnumMap<>(Place.class);
        lists.forEach((place, list) ->
                arrays.put(place, list.stream().mapToLong(Long::longValue).toArray()));
        return arrays;
    }
}
