// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;

/** A dump of a Python process, read by what docs/python-dump.md says and nothing else. */
final class PythonDumpLines {
    private static final ObjectMapper STRICT = new ObjectMapper()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
    private static final ObjectMapper LENIENT = new ObjectMapper();
    /** Types whose {@code val} is text. */
    private static final Set<String> TEXTS = Set.of("str", "bytes", "bytearray", "int");
    /** Keys whose value is a name, which may be any text. */
    private static final Set<String> NAMES =
            Set.of("type", "module", "name", "qualname", "file", "function", "build", "platform", "base64");

    private final Map<String, JsonNode> byId = new HashMap<>();
    private JsonNode first;

    /** Of a process that stood still: each line is JSON whose objects have each key once. */
    static PythonDumpLines of(byte[] dump) throws IOException {
        return of(dump, STRICT);
    }

    /** Of a process that ran on: a dict may then have a key twice. */
    static PythonDumpLines torn(byte[] dump) throws IOException {
        return of(dump, LENIENT);
    }

    /** The bytes of a file, as they were before compression. */
    static byte[] bytes(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        if (!file.toString().endsWith(".gz")) {
            return bytes;
        }
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
            return in.readAllBytes();
        }
    }

    private static PythonDumpLines of(byte[] dump, ObjectMapper json) throws IOException {
        PythonDumpLines lines = new PythonDumpLines();
        if (dump.length == 0 || dump[dump.length - 1] != '\n') {
            throw new IOException("the last line has no end");
        }
        for (String line : text(dump).split("\n")) {
            JsonNode object = json.readTree(line);
            String id = object.get("id").textValue();
            if (lines.first == null) {
                lines.first = object;
                if (!id.equals("_ROOTS_")) {
                    throw new IOException("the process does not come first: " + line);
                }
            } else if (lines.byId.put(id, object) != null) {
                throw new IOException("twice: " + line);
            }
        }
        return lines;
    }

    private static String text(byte[] dump) throws CharacterCodingException {
        return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(dump)).toString();
    }

    /** The lines of objects by their ids. */
    Map<String, JsonNode> all() {
        return byId;
    }

    /** The line about the process. */
    JsonNode first() {
        return first;
    }

    /** References, in whatever place, that lead to no line. */
    Set<String> dangling() {
        Set<String> references = new TreeSet<>();
        collect(first, references);
        byId.values().forEach(line -> collect(line, references));
        references.removeAll(byId.keySet());
        return references;
    }

    private static void collect(JsonNode line, Set<String> references) {
        boolean text = TEXTS.contains(line.path("type").asText());
        line.properties().forEach(member -> {
            if (!NAMES.contains(member.getKey()) && !(text && member.getKey().equals("val"))) {
                references(member.getValue(), references);
            }
        });
    }

    private static void references(JsonNode value, Set<String> references) {
        if (value.isTextual() && value.textValue().startsWith("0x")) {
            references.add(value.textValue());
        }
        value.fieldNames().forEachRemaining(name -> {
            if (name.startsWith("0x")) {
                references.add(name);
            }
        });
        value.forEach(child -> references(child, references));
    }
}
