// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What objects of types that are written in C refer to: their fields by the name of the type, as the type's {@code
 * tp_traverse} goes through them. It is read from the text {@code references.txt}, which tells how it is written.
 */
public final class ReferenceTable {
    private static final String FILE = "references.txt";
    private static final Map<Integer, ReferenceTable> TABLES = new ConcurrentHashMap<>();

    private final Map<String, Entry> entries = new HashMap<>();

    private final boolean typesAreFollowed;

    private ReferenceTable(boolean typesAreFollowed) {
        this.typesAreFollowed = typesAreFollowed;
    }

    /** In what way a field holds what it refers to. */
    public enum Hold {
        /** It keeps it alive, and the collector follows it. */
        FOLLOWED,
        /** It keeps it alive, but the collector does not follow it. */
        HIDDEN,
        /** It does not keep it alive. */
        WEAK
    }

    /**
     * Fields that refer to objects.
     *
     * @param offset where the first one lies in the object, from its end if it is negative; or where a pointer to them
     *     lies
     * @param place where the first one lies in the memory that the pointer leads to, or -1 where there is none
     * @param count how many follow one another
     * @param name the name that Python code knows it by, or that of C
     * @param hold in what way
     * @param tags the lowest bits that belong to no address
     */
    public record Field(int offset, int place, int count, String name, Hold hold, long tags) {}

    /**
     * A type.
     *
     * @param rule the name of the rule that its objects have beside their fields; empty if there is none
     * @param fields its fields, those of the type that it is derived from too
     * @param managed whether its objects have a managed dictionary that it goes through
     * @param type whether it goes through the type of the object, where that is no variable
     */
    public record Entry(String rule, List<Field> fields, boolean managed, boolean type) {
        /** Keeps a list of its own. */
        public Entry {
            fields = List.copyOf(fields);
        }
    }

    /**
     * The table of a version.
     *
     * @param version 100 times the major and the minor number
     * @return the table, the same at every call
     */
    public static ReferenceTable of(int version) {
        return TABLES.computeIfAbsent(version, ReferenceTable::read);
    }

    /**
     * A type.
     *
     * @param name what its {@code tp_name} says
     * @return what is known of it
     */
    public Optional<Entry> find(String name) {
        return Optional.ofNullable(entries.get(name));
    }

    /**
     * Whether types that are no variables and were written in C go from their objects to themselves.
     *
     * @return whether they do: since 3.9
     */
    public boolean typesAreFollowed() {
        return typesAreFollowed;
    }

    private static ReferenceTable read(int version) {
        ReferenceTable table = new ReferenceTable(version >= 309);
        try (InputStream in = ReferenceTable.class.getResourceAsStream(FILE);
                BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.isBlank() && !line.startsWith("#")) {
                    table.take(line.trim().split(" +"), version);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("could not read " + FILE, e);
        }
        return table;
    }

    private void take(String[] words, int version) {
        if (!holds(words[1], version)) {
            return;
        }
        String rule = "";
        boolean managed = false;
        boolean type = typesAreFollowed;
        List<Field> fields = new ArrayList<>();
        for (int i = 2; i < words.length; i++) {
            String word = words[i];
            switch (word.charAt(0)) {
                case '=' -> rule = word.substring(1);
                case '+' -> fields.addAll(entries.get(word.substring(1)).fields());
                case '-' -> {
                    if (word.length() == 1) {
                        type = false;
                    } else {
                        field(word, version, fields);
                    }
                }
                case '*' -> managed = true;
                default -> field(word, version, fields);
            }
        }
        Entry entry = new Entry(rule, fields, managed, type);
        for (String name : words[0].split(",")) {
            entries.put(name, entry);
        }
    }

    private static void field(String word, int version, List<Field> fields) {
        int slash = word.indexOf('/');
        if (slash >= 0 && !holds(word.substring(slash + 1), version)) {
            return;
        }
        String text = slash < 0 ? word : word.substring(0, slash);
        Hold hold = Hold.FOLLOWED;
        long tags = 0;
        char last = text.charAt(text.length() - 1);
        if (last == '!') {
            hold = Hold.HIDDEN;
        } else if (last == '~') {
            hold = Hold.WEAK;
        } else if (last == '^') {
            tags = 1;
        }
        int colon = text.indexOf(':');
        String name = text.substring(colon + 1, hold == Hold.FOLLOWED && tags == 0 ? text.length() : text.length() - 1);
        String[] count = text.substring(0, colon).split("x");
        String[] place = count[0].split("\\.");
        fields.add(new Field(
                Integer.parseInt(place[0]),
                place.length == 1 ? -1 : Integer.parseInt(place[1]),
                count.length == 1 ? 1 : Integer.parseInt(count[1]),
                name,
                hold,
                tags));
    }

    /** Whether a version lies in a range such as {@code 306-312}; either end may be left out. */
    private static boolean holds(String range, int version) {
        int dash = range.indexOf('-');
        String first = range.substring(0, dash);
        String last = range.substring(dash + 1);
        return (first.isEmpty() || version >= Integer.parseInt(first))
                && (last.isEmpty() || version <= Integer.parseInt(last));
    }
}
