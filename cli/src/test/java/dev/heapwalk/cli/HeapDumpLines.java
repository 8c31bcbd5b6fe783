// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.heapwalk.testkit.DanglingReferences;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.zip.GZIPInputStream;

/** A dump in heap_dump's format, read by what docs/ruby-dump.md says and nothing else. */
final class HeapDumpLines {
    private static final ObjectMapper STRICT = new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);
    private static final ObjectMapper LENIENT = new ObjectMapper();

    private final Map<String, JsonNode> byId = new HashMap<>();
    private JsonNode roots;

    /** Of a process that stood still: every reference in it leads to a line. */
    static HeapDumpLines of(Path file) throws IOException {
        assertThat(DanglingReferences.of(file)).isEmpty();
        try (InputStream in = Files.newInputStream(file)) {
            return of(file.toString().endsWith(".gz") ? new GZIPInputStream(in) : in, "id");
        }
    }

    /** Of a process that ran on: a Hash may then have a key twice. */
    static HeapDumpLines torn(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return of(in, "id", LENIENT);
        }
    }

    static HeapDumpLines of(InputStream in, String id) throws IOException {
        return of(in, id, STRICT);
    }

    private static HeapDumpLines of(InputStream in, String id, ObjectMapper json) throws IOException {
        HeapDumpLines lines = new HeapDumpLines();
        BufferedReader reader = new BufferedReader(new InputStreamReader(
                in, StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)));
        String line = null;
        try {
            while ((line = reader.readLine()) != null) {
                JsonNode object = json.readTree(line);
                if (lines.roots == null) {
                    lines.roots = object;
                    if (!object.get(id).textValue().equals("_ROOTS_")) {
                        throw new IOException("the roots do not come first: " + line);
                    }
                    continue;
                }
                if (lines.byId.put(object.get(id).textValue(), object) != null) {
                    throw new IOException("twice: " + line);
                }
            }
        } catch (CharacterCodingException | JacksonException e) {
            throw new IOException("bad line (or the one after it): " + line, e);
        }
        return lines;
    }

    Map<String, JsonNode> all() {
        return byId;
    }

    JsonNode roots() {
        return roots;
    }

    JsonNode at(String address) {
        return byId.get(address);
    }

    /** The bytes that a line, or the one that it leads to, tells that its value has. */
    byte[] bytes(JsonNode line) {
        if (!line.has("val")) {
            byte[] of = bytes(at(line.get("shared").textValue()));
            int offset = line.path("offset").asInt(0);
            return Arrays.copyOfRange(of, offset, offset + line.path("length").asInt(of.length - offset));
        }
        if (line.path("binary").booleanValue()) {
            return Base64.getDecoder().decode(line.get("base64").textValue());
        }
        String name = line.get("encoding").textValue();
        Charset charset = name.equals("ASCII-8BIT") || !Charset.isSupported(name)
                ? StandardCharsets.US_ASCII
                : Charset.forName(name);
        if (name.equals("UTF-8-MAC") || name.equals("UTF8-MAC")) {
            charset = StandardCharsets.UTF_8;
        }
        return line.get("val").textValue().getBytes(charset);
    }

    /** The line of an Array that has its elements all by itself, made of those that it leads to. */
    JsonNode whole(JsonNode array) {
        if (array.has("val")) {
            return array;
        }
        JsonNode of = whole(at(array.get("shared").textValue()));
        ObjectNode whole = array.deepCopy();
        ArrayNode elements = whole.putArray("val");
        int offset = array.path("offset").asInt(0);
        int length = array.path("length").asInt(of.get("val").size() - offset);
        for (int i = offset; i < offset + length; i++) {
            elements.add(of.get("val").get(i));
        }
        // What stands for itself there is named there.
        whole.set("refs", of.path("refs").deepCopy());
        return whole;
    }

    /** Every reference that a line has, wherever it stands. */
    static Set<String> references(JsonNode line) {
        Set<String> references = new HashSet<>();
        line.properties().stream()
                .filter(member -> !member.getKey().endsWith("id"))
                .forEach(member -> collect(member.getValue(), references));
        return references;
    }

    private static void collect(JsonNode node, Set<String> references) {
        if (node.isTextual() && node.textValue().startsWith("0x")) {
            references.add(node.textValue());
        }
        if (node.isObject()) {
            node.fieldNames().forEachRemaining(name -> {
                if (name.startsWith("0x")) {
                    references.add(name);
                }
            });
        }
        node.forEach(child -> collect(child, references));
    }
}
