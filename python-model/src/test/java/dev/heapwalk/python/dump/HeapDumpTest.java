// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.dump;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.dump.Disclosure;
import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The lines of a dump, and what a program tells of the same objects by its own {@code gc}, {@code id} and {@code json}. */
class HeapDumpTest {
    private static final ObjectMapper JSON = new ObjectMapper()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    /** What holds text, and no reference. */
    private static final Set<String> TEXTS = Set.of("str", "unicode", "bytes", "bytearray", "int", "long");
    /** Keys whose value is a name, which may be any text. */
    private static final Set<String> NAMES =
            Set.of("id", "type", "module", "name", "qualname", "file", "function", "build");

    /** How many bytes of text a dump tells whose names are cut. */
    private static final int FEW = 35;

    private record Dump(DumpSummary summary, byte[] bytes, List<JsonNode> lines) {
        Map<String, JsonNode> byId() {
            Map<String, JsonNode> all = new HashMap<>();
            lines.forEach(line ->
                    assertThat(all.put(line.get("id").textValue(), line)).isNull());
            return all;
        }

        String text() {
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    private static Dump dump(PythonProcess process, Disclosure told, long limit) {
        try (Target target = Target.attach(process.pid())) {
            return dump(target, told, limit);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static Dump dump(Target target, Disclosure told, long limit) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        DumpSummary written = HeapDump.of(PythonRuntime.locate(target), Heaps.of(target))
                .telling(told)
                .atMost(limit)
                .write(DumpOutput.to(out), (_, _) -> {});
        List<JsonNode> lines = new ArrayList<>();
        for (String line : out.toString(StandardCharsets.UTF_8).split("\n")) {
            lines.add(JSON.readTree(line));
        }
        assertThat(written.bytes()).isEqualTo(out.size());
        assertThat(written.objects()).isEqualTo(lines.size() - 1);
        assertThat(lines.getFirst().get("id").textValue()).isEqualTo("_ROOTS_");
        assertThat(lines.getFirst().get("format").intValue()).isEqualTo(HeapDump.FORMAT);
        return new Dump(written, out.toByteArray(), lines);
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void tellsWhatTheProgramTells(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).script("dump.py").start()) {
            List<Dump> dumps = new ArrayList<>();
            List<String> truth =
                    process.askStopped("dump", () -> dumps.add(dump(process, Disclosure.WHOLE, Long.MAX_VALUE)));
            Dump dump = dumps.getFirst();
            assertThat(dump.summary().damaged()).isZero();
            assertThat(dump.summary().holes()).isEmpty();
            assertThat(truth).hasSizeGreaterThan(110);
            Map<String, JsonNode> byId = dump.byId();
            for (String line : truth) {
                check(JSON.readTree(line), byId);
            }
        }
    }

    private static void check(JsonNode truth, Map<String, JsonNode> byId) {
        JsonNode line = byId.get(truth.get("id").textValue());
        assertThat(line).as(truth.toString()).isNotNull();
        truth.properties().forEach(expected -> {
            JsonNode found = switch (expected.getKey()) {
                case "set" -> line.get("val");
                case "attributes" -> attributes(line, byId);
                default -> line.get(expected.getKey());
            };
            if (expected.getKey().equals("set")) {
                assertThat(found)
                        .as(line.toString())
                        .map(JsonNode::toString)
                        .containsExactlyInAnyOrderElementsOf(elements(expected.getValue()));
            } else if (expected.getKey().equals("type")
                    && line.get("type").textValue().equals("ReferenceType")) {
                assertThat(expected.getValue().textValue()).isIn("weakref", "ReferenceType");
            } else {
                assertThat(found)
                        .as("%s of %s, and not %s", expected.getKey(), line, truth)
                        .isEqualTo(expected.getValue());
            }
        });
    }

    /** Names that differ in the last letter alone: each is told whole, or what is cut is told apart. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void tellsNamesWhole(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).script("dump.py").start()) {
            List<Dump> dumps = new ArrayList<>();
            List<String> truth = process.askStopped("names", () -> {
                dumps.add(dump(process, Disclosure.WHOLE, Long.MAX_VALUE));
                dumps.add(dump(process, Disclosure.WHOLE.atMost(FEW), Long.MAX_VALUE));
            });
            assertThat(truth).hasSizeGreaterThan(40);
            Map<String, JsonNode> whole = dumps.get(0).byId();
            Map<String, JsonNode> cut = dumps.get(1).byId();
            for (String line : truth) {
                JsonNode said = JSON.readTree(line);
                for (String key : List.of("attributes", "locals", "keys")) {
                    if (said.has(key)) {
                        assertThat(names(said, key, whole, whole)).as(line).isEqualTo(members(said.get(key)));
                        // Not cut are the lines of the texts themselves that the other dump has.
                        assertThat(names(said, key, cut, whole).values())
                                .as(line)
                                .containsExactlyInAnyOrderElementsOf(
                                        members(said.get(key)).values());
                    }
                }
            }
        }
    }

    private static Map<String, JsonNode> members(JsonNode of) {
        Map<String, JsonNode> all = new HashMap<>();
        of.properties().forEach(member -> all.put(member.getKey(), member.getValue()));
        return all;
    }

    /** Attributes, variables or entries as a dump has them, by whole names. */
    private static Map<String, JsonNode> names(
            JsonNode said, String key, Map<String, JsonNode> dump, Map<String, JsonNode> texts) {
        JsonNode line = dump.get(said.path("dict").asText(said.get("id").textValue()));
        Map<String, JsonNode> all = new HashMap<>();
        line.get(key.equals("attributes") ? "attrs" : key.equals("keys") ? "val" : key)
                .properties()
                .forEach(member -> {
                    String name = member.getKey();
                    if (name.startsWith("0x")) {
                        name = texts.get(name).get("val").textValue();
                    }
                    all.put(name, member.getValue());
                });
        return all;
    }

    private static List<String> elements(JsonNode of) {
        List<String> all = new ArrayList<>();
        of.forEach(each -> all.add(each.textValue()));
        return all;
    }

    /** In its own line, or in that of its dictionary. */
    private static JsonNode attributes(JsonNode line, Map<String, JsonNode> byId) {
        return line.has("attrs")
                ? line.get("attrs")
                : byId.get(line.path("dict").textValue()).get("val");
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void everyReferenceIsALine(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).script("dump.py").start()) {
            List<Dump> dumps = new ArrayList<>();
            List<String> tracked =
                    process.askStopped("tracked", () -> dumps.add(dump(process, Disclosure.WHOLE, Long.MAX_VALUE)));
            Map<String, JsonNode> byId = dumps.getFirst().byId();
            Set<String> references = new TreeSet<>();
            dumps.getFirst().lines().forEach(line -> collect(line, references));
            references.removeAll(byId.keySet());
            assertThat(references).isEmpty();
            assertThat(tracked).hasSizeGreaterThan(3_000);
            for (String object : tracked) {
                String[] said = object.split(" ");
                JsonNode line = byId.get("0x" + Long.toHexString(Long.parseLong(said[0])));
                assertThat(line).as(object).isNotNull();
                assertThat(line.get("type").textValue()).as(object).endsWith(said[1]);
                if (python.freeThreaded()) {
                    assertThat(line.get("gc").asText()).as(line.toString()).isEqualTo("tracked");
                } else {
                    assertThat(line.get("gc").isNumber()).as(line.toString()).isTrue();
                }
            }
        }
    }

    /** The strings of a line that are references, keys among them. */
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
        for (Iterator<JsonNode> each = value.elements(); each.hasNext(); ) {
            references(each.next(), references);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void redactedHasNoData(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).script("dump.py").start()) {
            List<String> said = process.ask("secrets");
            String secret = said.get(0);
            String name = said.get(1);
            String whole = dump(process, Disclosure.WHOLE, Long.MAX_VALUE).text();
            assertThat(whole)
                    .contains(secret + " attribute", secret + " cell", secret + " local", secret + " key", name);
            Dump redacted = dump(process, Disclosure.WHOLE.redacting(), Long.MAX_VALUE);
            assertThat(redacted.lines().getFirst().get("redacted").booleanValue())
                    .isTrue();
            assertThat(redacted.text()).doesNotContain(secret).contains("\"" + name + "\"");
            Set<String> digests = new HashSet<>();
            for (JsonNode line : redacted.lines()) {
                String type = line.path("type").asText();
                if (Set.of("str", "bytes", "unicode").contains(type)
                        && line.path("module").asText().contains("builtin")) {
                    assertThat(line.has("val")).as(line.toString()).isFalse();
                    assertThat(line.get("bytesize").isNumber()).isTrue();
                    digests.add(line.get("hmac_sha256").textValue());
                }
            }
            assertThat(digests).hasSizeGreaterThan(1_000);
        }
    }

    /** A limited dump has the first lines of the whole one, and says that there are more. */
    @Test
    void limitedIsTheBeginning() throws Exception {
        try (PythonProcess process =
                        PythonProcess.of(Python.trixie()).script("dump.py").start();
                Target target = Target.attach(process.pid())) {
            Dump whole = dump(target, Disclosure.WHOLE.atMost(8), Long.MAX_VALUE);
            assertThat(whole.summary().left()).isZero();
            assertThat(dump(target, Disclosure.WHOLE.atMost(8), Long.MAX_VALUE).bytes())
                    .isEqualTo(whole.bytes());
            long head = whole.text().lines().findFirst().orElseThrow().getBytes(StandardCharsets.UTF_8).length;
            for (long limit : new long[] {head + 3_000, head + 100_000, whole.bytes().length - 1}) {
                Dump some = dump(target, Disclosure.WHOLE.atMost(8), limit);
                assertThat(some.summary().left()).isPositive();
                assertThat(some.bytes().length).isLessThanOrEqualTo((int) limit);
                assertThat(whole.text()).startsWith(some.text());
                String next = whole.text()
                        .substring(some.text().length())
                        .lines()
                        .findFirst()
                        .orElseThrow();
                assertThat(some.bytes().length + next.getBytes(StandardCharsets.UTF_8).length + 1L)
                        .isGreaterThan(limit);
            }
            assertThat(dump(target, Disclosure.WHOLE.atMost(8), whole.bytes().length)
                            .bytes())
                    .isEqualTo(whole.bytes());
        }
    }
}
