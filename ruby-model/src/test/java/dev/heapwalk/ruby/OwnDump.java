// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What {@code ObjectSpace.dump_all} wrote of references. A line need not be good JSON: some versions don't escape
 * names.
 */
final class OwnDump {
    /** What a slot is and refers to: its references in order and once each, and what the dump calls it. */
    record Line(String type, long klass, long[] references, String detail) {}

    private static final Pattern OBJECT = Pattern.compile("^\\{\"address\":\"0x(\\p{XDigit}+)\", \"type\":\"(\\w+)\"");
    private static final Pattern ROOT = Pattern.compile("^\\{\"type\":\"ROOT\", \"root\":\"(\\w+)\"");
    private static final Pattern CLASS = Pattern.compile(", \"class\":\"0x(\\p{XDigit}+)\"");
    private static final Pattern REFERENCES = Pattern.compile(", \"references\":\\[(\"0x[^]]*)]");
    private static final Pattern REFERENCE = Pattern.compile("\"0x(\\p{XDigit}+)\"");
    private static final Pattern DETAIL = Pattern.compile(", \"(?:struct|imemo_type)\":\"([^\"]*)\"");

    private final Map<Long, Line> objects = new HashMap<>();
    private final Map<String, long[]> roots = new LinkedHashMap<>();

    private OwnDump() {}

    static OwnDump read(Path file) throws IOException {
        OwnDump dump = new OwnDump();
        try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                dump.take(line);
            }
        }
        return dump;
    }

    private void take(String line) {
        Matcher object = OBJECT.matcher(line);
        Matcher root = ROOT.matcher(line);
        if (object.find()) {
            Matcher klass = CLASS.matcher(line);
            Matcher detail = DETAIL.matcher(line);
            objects.put(
                    Long.parseUnsignedLong(object.group(1), 16),
                    new Line(
                            object.group(2),
                            klass.find() ? Long.parseUnsignedLong(klass.group(1), 16) : 0,
                            references(line),
                            detail.find() ? detail.group(1) : ""));
        } else if (root.find()) {
            roots.put(root.group(1), references(line));
        }
    }

    private static long[] references(String line) {
        Matcher references = REFERENCES.matcher(line);
        if (!references.find()) {
            return new long[0];
        }
        return sorted(REFERENCE
                .matcher(references.group(1))
                .results()
                .mapToLong(match -> Long.parseUnsignedLong(match.group(1), 16))
                .toArray());
    }

    /** The same references in order and once each. */
    static long[] sorted(long[] references) {
        return Arrays.stream(references).sorted().distinct().toArray();
    }

    /** What of the first is not in the second, both sorted. */
    static long[] without(long[] all, long[] some) {
        return Arrays.stream(all)
                .filter(one -> Arrays.binarySearch(some, one) < 0)
                .toArray();
    }

    Map<Long, Line> objects() {
        return objects;
    }

    Map<String, long[]> roots() {
        return roots;
    }
}
