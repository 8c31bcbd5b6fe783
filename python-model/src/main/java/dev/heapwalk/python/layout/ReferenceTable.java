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
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What objects of types that are written in C refer to: their fields by the name of the type, as the type's {@code
 * tp_traverse} goes through them. It is read from the text {@code references.txt}, which tells how it is written.
 */
public final class ReferenceTable {
    private static final String FILE = "references.txt";
    private static final Map<Key, ReferenceTable> TABLES = new ConcurrentHashMap<>();
    /** A version is so many times its series, and its patch level. */
    private static final int SERIES = 1000;

    private static final int LATEST = SERIES - 1;
    private static final int TYPES_ARE_FOLLOWED = 309 * SERIES;
    private static final int FIRST_INLINE = 313 * SERIES;
    private static final int DICT_BEFORE_VALUES = 313 * SERIES + 3;
    /** Releases, none of which has builds without the lock, have this earlier than Python itself. */
    private static final int FREE_DICT_BEFORE_VALUES = 313 * SERIES + 13;
    /** In 3.14 too, some patch levels came before. */
    private static final int SECOND_INLINE = 314 * SERIES;

    private static final int SECOND_DICT_BEFORE_VALUES = SECOND_INLINE + 4;
    /** What a range begins with that is one of builds without the lock alone. */
    private static final char FREE_THREADED = 't';

    private static final Pattern PATCH_LEVEL = Pattern.compile("\\d+\\.\\d+\\.(\\d{1,3}).*");

    private final Map<String, Entry> entries = new HashMap<>();

    private final boolean typesAreFollowed;
    private final boolean valuesHideDict;

    private ReferenceTable(boolean typesAreFollowed, boolean valuesHideDict) {
        this.typesAreFollowed = typesAreFollowed;
        this.valuesHideDict = valuesHideDict;
    }

    /** A series with its patch level, and whether the build is one without the lock. */
    private record Key(int version, boolean freeThreaded) {}

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
     * @param series 100 times the major and the minor number
     * @param version the full version, such as {@code 3.13.10}; without a patch level, the latest is taken
     * @param freeThreaded whether the build is one without the global interpreter lock
     * @return the table, the same at every call for a patch level
     */
    public static ReferenceTable of(int series, String version, boolean freeThreaded) {
        Matcher patch = PATCH_LEVEL.matcher(version);
        int level = patch.matches() ? Math.min(LATEST, Integer.parseInt(patch.group(1))) : LATEST;
        return TABLES.computeIfAbsent(new Key(series * SERIES + level, freeThreaded), ReferenceTable::read);
    }

    /**
     * A type.
     *
     * @param name what its {@code tp_name} says
     * @param basicsize its {@code tp_basicsize}, in bytes
     * @return what is known of it
     */
    public Optional<Entry> find(String name, long basicsize) {
        Entry ofSize = entries.get(name + '@' + basicsize);
        return Optional.ofNullable(ofSize != null ? ofSize : entries.get(name));
    }

    /**
     * Whether types that are no variables and were written in C go from their objects to themselves.
     *
     * @return whether they do: since 3.9
     */
    public boolean typesAreFollowed() {
        return typesAreFollowed;
    }

    /**
     * Whether the collector goes through the values that lie in an instance from there, even where a dictionary has them
     * too, and neither to that dictionary nor from it to them.
     *
     * @return whether it does: in the first patch levels of 3.13 and 3.14
     */
    public boolean valuesHideDict() {
        return valuesHideDict;
    }

    private static ReferenceTable read(Key key) {
        int version = key.version();
        int dictBeforeValues = key.freeThreaded() ? FREE_DICT_BEFORE_VALUES : DICT_BEFORE_VALUES;
        ReferenceTable table = new ReferenceTable(
                version >= TYPES_ARE_FOLLOWED,
                version >= FIRST_INLINE && version < dictBeforeValues
                        || version >= SECOND_INLINE && version < SECOND_DICT_BEFORE_VALUES);
        try (InputStream in = ReferenceTable.class.getResourceAsStream(FILE);
                BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.isBlank() && !line.startsWith("#")) {
                    table.take(line.trim().split(" +"), key);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("could not read " + FILE, e);
        }
        return table;
    }

    private void take(String[] words, Key version) {
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

    private static void field(String word, Key version, List<Field> fields) {
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

    /** Whether a version lies in a range such as {@code 306-312} or {@code 313.10-}; either end may be left out. */
    private static boolean holds(String text, Key key) {
        boolean free = text.charAt(0) == FREE_THREADED;
        if (free && !key.freeThreaded()) {
            return false;
        }
        String range = free ? text.substring(1) : text;
        int version = key.version();
        int dash = range.indexOf('-');
        String first = range.substring(0, dash);
        String last = range.substring(dash + 1);
        return (first.isEmpty() || version >= number(first, 0)) && (last.isEmpty() || version <= number(last, LATEST));
    }

    private static int number(String version, int level) {
        int point = version.indexOf('.');
        return point < 0
                ? Integer.parseInt(version) * SERIES + level
                : Integer.parseInt(version.substring(0, point)) * SERIES
                        + Integer.parseInt(version.substring(point + 1));
    }
}
