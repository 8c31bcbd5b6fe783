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
    /** So much of a mapping is searched for pointers. */
    private static final long MOST_SEARCHED = 4 << 20;

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

    /** Adds what the words of a kind lead to, as the same kind: the first words of each, of some of them. */
    void follow(CoreFile file, Place place, long size, int most) {
        List<Long> from = List.copyOf(words.getOrDefault(place, new TreeSet<>()));
        int step = Math.max(1, from.size() / most);
        for (int i = 0; i < from.size(); i += step) {
            long to = file.wordAt(from.get(i));
            if (leads(file, to)) {
                add(place, to, size);
            }
        }
    }

    /** Adds some of the words in writable memory that lead to other memory. */
    void pointers(CoreFile file, int most) {
        List<Elf.Segment> writable = file.elf().segments().stream()
                .filter(segment -> segment.type() == Elf.PT_LOAD && (segment.flags() & Elf.WRITABLE) != 0)
                .toList();
        List<Long> found = new ArrayList<>();
        for (Elf.Segment segment : writable) {
            for (long at = 0; at + 8 <= Math.min(segment.fileSize(), MOST_SEARCHED); at += 8) {
                if (leads(file, file.word(segment.offset() + at))) {
                    found.add(segment.address() + at);
                }
            }
        }
        int step = Math.max(1, found.size() / most);
        for (int i = 0; i < found.size(); i += step) {
            add(Place.POINTER, found.get(i), 8);
        }
    }

    private static boolean leads(CoreFile file, long word) {
        return word >>> 12 != 0
                && word >>> 47 == 0
                && (word & 7) == 0
                && file.elf().offset(word) >= 0;
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
