// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.GZIPInputStream;

/**
 * Whether every reference in a dump of a Ruby heap leads to an object that the dump has. Knows both formats, that of
 * heap_dump and that of {@code ObjectSpace.dump_all}, by their keys: whatever begins with {@code 0x} is an address,
 * wherever it stands, but for texts.
 */
public final class DanglingReferences {
    /** What the address of a line's own object is called. */
    private static final Set<String> OWN = Set.of("id", "_id", "address");

    private static final Set<String> TEXTS = Set.of(
            "name",
            "real_class_name",
            "value",
            "struct",
            "file",
            "method",
            "mid",
            "called_id",
            "edge_name",
            "encoding",
            "root",
            "filename",
            "label",
            "local_table",
            "type_name",
            "base64",
            "damage",
            "allocated");

    private final Set<String> objects = new HashSet<>();
    /** The first place of each reference that leads nowhere. */
    private final Map<String, String> references = new HashMap<>();

    private String line;
    private int at;
    private String own;

    private DanglingReferences() {}

    /**
     * Reads a dump.
     *
     * @param dump the file, compressed if its name ends so
     * @return a line of text for each address that is referred to and has no line: where it is found first
     * @throws IOException if it can't be read, or a line is no JSON
     */
    public static List<String> of(Path dump) throws IOException {
        DanglingReferences found = new DanglingReferences();
        try (InputStream file = Files.newInputStream(dump);
                InputStream in = dump.toString().endsWith(".gz") ? new GZIPInputStream(file) : file;
                BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                found.take(line);
            }
        }
        found.references.keySet().removeAll(found.objects);
        List<String> dangling = new ArrayList<>();
        found.references.forEach((address, place) -> dangling.add(address + " in " + place));
        return dangling;
    }

    private void take(String json) throws IOException {
        line = json;
        at = 0;
        own = "";
        value("", 0);
    }

    /** Goes over a value; {@code key} is the one that leads to it from the line's top, and {@code depth} how far. */
    private void value(String key, int depth) throws IOException {
        blanks();
        switch (line.charAt(at)) {
            case '{' -> {
                at++;
                for (blanks(); line.charAt(at) != '}'; blanks()) {
                    String name = string();
                    blanks();
                    expect(':');
                    if (depth > 0) {
                        // A key of a Hash.
                        reference(name, key);
                    }
                    value(depth == 0 || TEXTS.contains(name) ? name : key, depth + 1);
                    comma();
                }
                at++;
            }
            case '[' -> {
                at++;
                for (blanks(); line.charAt(at) != ']'; blanks()) {
                    value(key, depth + 1);
                    comma();
                }
                at++;
            }
            case '"' -> {
                String text = string();
                if (depth == 1 && OWN.contains(key)) {
                    own = text;
                    objects.add(text);
                } else if (depth > 1 || !key.equals("val")) {
                    // The value of a String is a text.
                    reference(text, key);
                }
            }
            default -> {
                while (at < line.length() && ",]} ".indexOf(line.charAt(at)) < 0) {
                    at++;
                }
            }
        }
    }

    private void reference(String text, String key) {
        if (text.startsWith("0x") && !TEXTS.contains(key)) {
            references.putIfAbsent(text, own + " " + key);
        }
    }

    private void blanks() {
        while (line.charAt(at) == ' ') {
            at++;
        }
    }

    private void comma() {
        blanks();
        if (line.charAt(at) == ',') {
            at++;
        }
    }

    private void expect(char one) throws IOException {
        if (line.charAt(at) != one) {
            throw new IOException("no %s at %d of %s".formatted(one, at, line));
        }
        at++;
    }

    /** A text; what is escaped in it is left so. */
    private String string() throws IOException {
        expect('"');
        int start = at;
        while (line.charAt(at) != '"') {
            at += line.charAt(at) == '\\' ? 2 : 1;
        }
        return line.substring(start, at++);
    }
}
