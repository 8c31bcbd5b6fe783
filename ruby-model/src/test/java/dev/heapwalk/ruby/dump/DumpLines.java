// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import dev.heapwalk.testkit.DanglingReferences;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** The lines of a dump in the format of {@code ObjectSpace.dump_all}, each parsed once to find out what it is of. */
final class DumpLines {
    private static final ObjectReader JACKSON = new ObjectMapper().reader();

    /** The line of each object, by address. */
    final Map<String, byte[]> objects = new HashMap<>();

    /** What each kind of root refers to. */
    final Map<String, Set<String>> roots = new TreeMap<>();

    /** The line of each shape, by number. */
    final Map<Long, JsonNode> shapes = new TreeMap<>();

    private DumpLines() {}

    /**
     * Reads a dump in the format of heap_dump, of which every line must be JSON, and every reference lead to one.
     *
     * @param file the dump
     * @return the lines, by id
     */
    static Map<String, JsonNode> ofHeapDump(Path file) throws IOException {
        assertThat(DanglingReferences.of(file)).isEmpty();
        Map<String, JsonNode> parsed = new HashMap<>();
        for (String line : Files.readAllLines(file)) {
            JsonNode node = parse(line.getBytes(StandardCharsets.UTF_8));
            parsed.put(node.path("id").textValue(), node);
        }
        return parsed;
    }

    /** The line of each object, by address. */
    Map<String, JsonNode> parsed() throws IOException {
        Map<String, JsonNode> parsed = new HashMap<>();
        for (Map.Entry<String, byte[]> line : objects.entrySet()) {
            parsed.put(line.getKey(), parse(line.getValue()));
        }
        return parsed;
    }

    /** What a line refers to by a key. */
    static Set<String> references(JsonNode line, String key) {
        Set<String> references = new HashSet<>();
        line.path(key).forEach(reference -> references.add(reference.textValue()));
        return references;
    }

    /**
     * Reads a dump.
     *
     * @param file the dump
     * @param exact whether every line must be JSON and every reference lead to one; if not, bytes that are no UTF-8 are
     *     taken for characters of the same number
     */
    static DumpLines of(Path file, boolean exact) throws IOException {
        DumpLines lines = new DumpLines();
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            for (int one = in.read(); one >= 0; one = in.read()) {
                if (one == '\n') {
                    lines.add(line.toByteArray(), exact);
                    line.reset();
                } else {
                    line.write(one);
                }
            }
            if (line.size() > 0) {
                throw new IOException("the last line of " + file + " does not end: " + line);
            }
        }
        if (exact) {
            assertThat(DanglingReferences.of(file)).isEmpty();
        }
        return lines;
    }

    private void add(byte[] line, boolean exact) throws IOException {
        byte[] text = line;
        if (!exact) {
            try {
                StandardCharsets.UTF_8.newDecoder().decode(java.nio.ByteBuffer.wrap(line));
            } catch (CharacterCodingException e) {
                text = new String(line, StandardCharsets.ISO_8859_1).getBytes(StandardCharsets.UTF_8);
            }
        }
        JsonNode node = parse(text);
        switch (node.path("type").textValue()) {
            case "ROOT" ->
                node.path("references")
                        .forEach(reference -> roots.computeIfAbsent(
                                        node.path("root").textValue(), root -> new TreeSet<>())
                                .add(reference.textValue()));
            case "SHAPE" -> shapes.put(node.path("id").longValue(), node);
            default -> {
                if (objects.put(node.path("address").textValue(), text) != null) {
                    throw new IOException("two lines of " + node.path("address"));
                }
            }
        }
    }

    static JsonNode parse(byte[] line) throws IOException {
        return JACKSON.readTree(line);
    }
}
