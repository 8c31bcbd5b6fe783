// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.testkit.DanglingReferences;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a dump tells of objects, against what the objects tell of themselves. */
final class RubyDumpIT {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path folder;

    static List<Ruby> rubies() {
        return Ruby.all();
    }

    private HeapDumpLines dump(RubyProcess process, String... options) throws IOException {
        Path file = folder.resolve("dump.json");
        List<String> line =
                new ArrayList<>(List.of("ruby", "dump", Long.toString(process.pid()), "-o", file.toString()));
        line.addAll(List.of(options));
        Run run = Run.heapwalk(line.toArray(String[]::new)).exited(0);
        assertThat(run.out()).isEmpty();
        assertThat(run.err())
                .matches(
                        "(heapwalk: notice: .*MADV_WIPEONFORK.*\n)?"
                                + "heapwalk: [0-9,]+ objects, [0-9,]+ bytes in [0-9.]+ s; the process stood still for [0-9.]+ s.*\n");
        return HeapDumpLines.of(file);
    }

    private static String utf8(JsonNode hex) {
        return new String(HexFormat.of().parseHex(hex.textValue()), StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @MethodSource("rubies")
    void valuesAreThoseOfTheScript(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "values").start()) {
            HeapDumpLines dump = dump(process, "--max-string", "1G");
            List<String> wrong = new ArrayList<>();
            int checked = 0;
            for (String truth : Files.readAllLines(process.askForFile("values"))) {
                JsonNode value = JSON.readTree(truth);
                if (value.get("address").isNull()) {
                    continue;
                }
                JsonNode line = dump.at(value.get("address").textValue());
                try {
                    assertThat(line).as("its line").isNotNull();
                    check(value, line, dump);
                    checked++;
                } catch (AssertionError | RuntimeException e) {
                    String text = String.valueOf(line);
                    wrong.add(value.get("name").textValue() + ": " + e + "\n  "
                            + text.substring(0, Math.min(400, text.length())));
                }
            }
            assertThat(wrong).as(String.join("\n", wrong)).isEmpty();
            assertThat(checked).isGreaterThan(400);
        }
    }

    /** Whatever Ruby's own dump says that an object refers to stands in its line. */
    @ParameterizedTest
    @MethodSource("rubies")
    void referencesAreThoseOfRubysOwnDump(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            HeapDumpLines dump = dump(process);
            List<String> wrong = new ArrayList<>();
            long compared = 0;
            for (String own : Files.readAllLines(process.dumpAll())) {
                JsonNode truth = JSON.readTree(own);
                JsonNode line =
                        truth.has("address") ? dump.at(truth.get("address").textValue()) : null;
                if (line == null
                        || !line.get("bt")
                                .textValue()
                                .equals("T_" + truth.get("type").textValue())) {
                    // A root, or made or reused by the dump itself.
                    continue;
                }
                compared++;
                Set<String> references = HeapDumpLines.references(line);
                for (JsonNode reference : truth.path("references")) {
                    if (!references.contains(reference.textValue())) {
                        wrong.add("no " + reference.textValue() + " in " + line + " but in " + own);
                        break;
                    }
                }
                if (truth.get("type").textValue().equals("IMEMO")) {
                    // Until 3.1 Ruby takes what stands there for a class.
                    if (List.of("ment", "env", "constcache")
                                    .contains(truth.path("imemo_type").asText())
                            && truth.has("class")
                            && dump.at(truth.get("class").textValue()) != null
                            && !references.contains(truth.get("class").textValue())) {
                        wrong.add("no " + truth.get("class").textValue() + " in " + line + " but in " + own);
                    }
                } else if (truth.has("class") && !truth.get("class").equals(line.path("class"))) {
                    wrong.add("class of " + line + " but " + own);
                }
            }
            assertThat(compared).isGreaterThan(40_000);
            assertThat(wrong.size() * 1000L)
                    .as(String.join("\n", wrong.subList(0, Math.min(20, wrong.size()))))
                    .isLessThan(compared);
        }
    }

    @ParameterizedTest
    @MethodSource("rubies")
    void rootsComeFirstAndReachWhatLives(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask("gc_disable");
            process.ask("eval 1000.times { Parent.new }; 0");
            String parent = process.ask("eval Target.address(Parent)").getFirst();
            HeapDumpLines all = dump(process);
            JsonNode roots = all.roots();
            assertThat(roots.get("version").textValue())
                    .isEqualTo(process.ask("version").getFirst());
            assertThat(roots.get("global_tbl").get("$plain").textValue()).isEqualTo("plain global");
            assertThat(roots.get("global_tbl").get("$other_name").textValue()).isEqualTo("plain global");
            assertThat(roots.get("global_tbl").get("$traced").textValue()).isEqualTo("traced value");
            assertThat(roots.get("threads").size())
                    .isEqualTo(Integer.parseInt(
                            process.ask("eval Thread.list.size").getFirst()));
            JsonNode finalizers = roots.get("finalizers");
            assertThat(finalizers.has(process.ask("eval Target.address(KEPT[\"finalized object\"])")
                            .getFirst()))
                    .isTrue();
            HeapDumpLines reached = dump(process, "--reachable");
            long garbage = instances(all, parent) - instances(reached, parent);
            assertThat(garbage).isBetween(990L, 1000L);
            // What is reached refers to nothing that is not.
            List<String> lost = new ArrayList<>();
            for (JsonNode line : reached.all().values()) {
                for (JsonNode element : line.get("bt").textValue().equals("T_ARRAY")
                        ? reached.whole(line).get("val")
                        : JSON.createArrayNode()) {
                    String value = element.asText();
                    if (value.startsWith("0x") && reached.at(value) == null) {
                        lost.add(value + " of " + line);
                    }
                }
            }
            assertThat(lost).isEmpty();
            // The stack may show a few of them in one dump and not in another.
            Set<String> left = objectSpace(process, "--reachable");
            long others = instances(all, parent)
                    - left.stream()
                            .filter(address -> isInstance(all, address, parent))
                            .count();
            assertThat(others).isBetween(990L, 1000L);
            assertThat(left).hasSizeGreaterThan(10_000);
            HeapDumpLines again = dump(process);
            Set<String> swept = new HashSet<>(again.all().keySet());
            swept.removeIf(address -> again.at(address).has("swept"));
            assertThat(objectSpace(process).equals(swept)).isTrue();
        }
    }

    /** The addresses of the objects that a dump in the other format has; shapes have some too. */
    private Set<String> objectSpace(RubyProcess process, String... options) throws IOException {
        Path file = folder.resolve("objectspace.json");
        List<String> line = new ArrayList<>(List.of(
                "ruby", "dump", Long.toString(process.pid()), "--format", "objectspace", "-o", file.toString()));
        line.addAll(List.of(options));
        Run.heapwalk(line.toArray(String[]::new)).exited(0);
        assertThat(DanglingReferences.of(file)).isEmpty();
        Set<String> addresses = new HashSet<>();
        for (JsonNode row : new Run(0, Files.readAllBytes(file), "").rows()) {
            if (row.has("address") && !row.get("type").textValue().equals("SHAPE")) {
                addresses.add(row.get("address").textValue());
            }
        }
        return addresses;
    }

    @ParameterizedTest
    @MethodSource("rubies")
    void codeTellsItsVariables(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            String file = process.seen("every_type.rb");
            HeapDumpLines dump = dump(process);
            JsonNode lambda = kept(process, dump, "lambda");
            assertThat(lambda.get("type_name").textValue()).isEqualTo("proc");
            assertThat(lambda.get("is_lambda").booleanValue()).isTrue();
            assertThat(kept(process, dump, "proc").get("is_lambda").booleanValue())
                    .isFalse();
            assertThat(lambda.get("filename").textValue()).isEqualTo(file);
            assertThat(lambda.get("line").asText())
                    .isEqualTo(process.ask("eval KEPT[\"lambda\"].source_location[1]")
                            .getFirst());
            JsonNode env = dump.at(lambda.get("envval").textValue());
            assertThat(env.get("env").get("captured").textValue()).isEqualTo("captured value");
            assertThat(env.get("env").get("local").textValue()).isEqualTo("local of make_procs");
            JsonNode code = dump.at(lambda.get("iseq").textValue());
            assertThat(code.get("imemo_type").textValue()).isEqualTo("iseq");
            assertThat(code.get("local_table")).extracting(JsonNode::textValue).contains("x", "y", "z", "k", "o", "b");
            JsonNode binding = kept(process, dump, "binding of a method");
            assertThat(binding.get("type_name").textValue()).isEqualTo("binding");
            JsonNode locals = dump.at(binding.get("envval").textValue()).get("env");
            assertThat(locals.get("a").intValue()).isEqualTo(1);
            assertThat(locals.get("c").intValue()).isEqualTo(4);
            assertThat(locals.get("d").intValue()).isEqualTo(5);
            JsonNode symbol = kept(process, dump, "proc from a symbol");
            assertThat(symbol.get("symbol").textValue()).isEqualTo(":upcase");
            JsonNode mutex = kept(process, dump, "mutex");
            assertThat(mutex.get("locked").booleanValue()).isTrue();
            assertThat(dump.at(mutex.get("thread").textValue()).get("main").booleanValue())
                    .isTrue();
            assertThat(kept(process, dump, "free mutex").get("locked").booleanValue())
                    .isFalse();
            // The key stands in place where it is short enough for that version.
            String target = kept(process, dump, "weak target").get("id").textValue();
            String object = kept(process, dump, "object").get("id").textValue();
            assertThat(kept(process, dump, "weak map").get("pairs")).anySatisfy(pair -> {
                assertThat(pair.get(0).textValue()).isIn(target, "target of weak references");
                assertThat(pair.get(1).textValue()).isEqualTo(object);
            });
            JsonNode method =
                    dump.at(kept(process, dump, "methods").get("val").get(2).textValue());
            assertThat(method.get("name").textValue()).isEqualTo("speak");
            assertThat(method.get("recv").textValue())
                    .isEqualTo(kept(process, dump, "parent").get("id").textValue());
            assertThat(dump.at(method.get("owner").textValue()).get("name").textValue())
                    .isEqualTo(process.ask("eval KEPT[\"parent\"].method(:speak).owner")
                            .getFirst());
            JsonNode parent = dump.at(kept(process, dump, "parent").get("class").textValue());
            assertThat(parent.get("methods").get("speak").textValue()).startsWith("0x");
            assertThat(parent.get("methods").get("reader").textValue()).isEqualTo("(IVAR)");
        }
    }

    private static JsonNode kept(RubyProcess process, HeapDumpLines dump, String name) throws IOException {
        return dump.at(
                process.ask("eval Target.address(KEPT[\"" + name + "\"])").getFirst());
    }

    private static long instances(HeapDumpLines lines, String klass) {
        return lines.all().keySet().stream()
                .filter(address -> isInstance(lines, address, klass))
                .count();
    }

    private static boolean isInstance(HeapDumpLines lines, String address, String klass) {
        JsonNode line = lines.at(address);
        return line != null
                && line.path("class").asText().equals(klass)
                && line.get("bt").textValue().equals("T_OBJECT");
    }

    private static void check(JsonNode truth, JsonNode line, HeapDumpLines dump) {
        assertThat(line.has("damage")).isFalse();
        String type = truth.get("type").textValue();
        assertThat(line.get("bt").textValue()).isEqualTo("T_" + type);
        assertThat(line.path("frozen").booleanValue())
                .as("frozen")
                .isEqualTo(truth.get("frozen").booleanValue());
        JsonNode ivars = line.path(
                type.equals("OBJECT") || type.equals("CLASS") || type.equals("MODULE") ? "ivs" : "generic_ivars");
        int visible = 0;
        for (Iterator<String> names = ivars.fieldNames(); names.hasNext(); ) {
            String name = names.next();
            visible += name.startsWith("@") && !name.startsWith("@@") ? 1 : 0;
        }
        assertThat(visible)
                .as("instance variables")
                .isEqualTo(truth.get("ivars").size());
        for (JsonNode ivar : truth.get("ivars")) {
            same(ivar.get(1), ivars.get(utf8(ivar.get(0))), line);
        }
        switch (type) {
            case "STRING", "SYMBOL" ->
                assertThat(HexFormat.of().formatHex(dump.bytes(line)))
                        .isEqualTo(truth.get("bytes").textValue());
            case "ARRAY" -> {
                JsonNode whole = dump.whole(line);
                assertThat(whole.get("val").size())
                        .isEqualTo(truth.get("elements").size());
                for (int i = 0; i < whole.get("val").size(); i++) {
                    same(truth.get("elements").get(i), whole.get("val").get(i), whole);
                }
            }
            case "HASH" -> hash(truth, line);
            case "STRUCT" -> struct(truth, line);
            case "FLOAT" -> {
                long bits = Long.parseUnsignedLong(truth.get("bits").textValue(), 16);
                JsonNode val = line.get("val");
                double number = val.isTextual() ? Double.parseDouble(val.textValue()) : val.doubleValue();
                assertThat(
                                Double.isNaN(number)
                                        ? Long.parseUnsignedLong(
                                                line.get("bits").textValue(), 16)
                                        : Double.doubleToRawLongBits(number))
                        .isEqualTo(bits);
            }
            case "BIGNUM" ->
                assertThat(line.get("val").textValue())
                        .isEqualTo(truth.get("number").textValue());
            case "RATIONAL" -> {
                if (line.get("val").get(0).isNumber()) {
                    assertThat(line.get("val").get(0).asText())
                            .isEqualTo(truth.get("numerator").textValue());
                }
                if (line.get("val").get(1).isNumber()) {
                    assertThat(line.get("val").get(1).asText())
                            .isEqualTo(truth.get("denominator").textValue());
                }
            }
            case "COMPLEX" -> {
                same(truth.get("real"), line.get("val").get(0), line);
                same(truth.get("imaginary"), line.get("val").get(1), line);
            }
            case "REGEXP" -> {
                assertThat(HexFormat.of().formatHex(dump.bytes(line)))
                        .isEqualTo(truth.get("source").textValue());
                assertThat(line.get("options").intValue())
                        .isEqualTo(truth.get("options").intValue());
            }
            case "MATCH" -> {
                same(truth.get("string"), line.get("str"), line);
                same(truth.get("regexp"), line.get("regexp"), line);
                for (int i = 0; i < truth.get("groups").size(); i++) {
                    JsonNode group = truth.get("groups").get(i);
                    JsonNode offsets = line.get("offsets").get(i);
                    assertThat(offsets.get(0).intValue())
                            .isEqualTo(group.isNull() ? -1 : group.get(0).intValue());
                    assertThat(offsets.get(1).intValue() - offsets.get(0).intValue())
                            .isEqualTo(group.isNull() ? 0 : group.get(1).intValue());
                }
            }
            case "CLASS", "MODULE" -> {
                if (truth.get("name").isNull()) {
                    assertThat(line.has("name")).isFalse();
                } else {
                    assertThat(line.get("name").textValue()).isEqualTo(utf8(truth.get("name")));
                }
                assertThat(line.path("singleton").booleanValue())
                        .isEqualTo(truth.get("singleton").booleanValue());
            }
            default -> {}
        }
    }

    private static void hash(JsonNode truth, JsonNode line) {
        assertThat(line.path("compare_by_identity").booleanValue())
                .isEqualTo(truth.get("by_identity").booleanValue());
        JsonNode pairs = truth.get("pairs");
        assertThat(line.get("val").size()).isEqualTo(pairs.size());
        Iterator<Map.Entry<String, JsonNode>> given =
                line.get("val").properties().iterator();
        for (JsonNode pair : pairs) {
            Map.Entry<String, JsonNode> entry = given.next();
            key(pair.get(0), entry.getKey(), line);
            same(pair.get(1), entry.getValue(), line);
        }
        if (line.has("default_proc")) {
            same(truth.get("default_proc"), line.get("default_proc"), line);
        } else {
            same(truth.get("default"), line.path("default"), line);
        }
    }

    private static void struct(JsonNode truth, JsonNode line) {
        JsonNode val = line.get("val");
        if (truth.has("begin")) {
            same(truth.get("begin"), val.get("begin"), line);
            same(truth.get("end"), val.get("end"), line);
            assertThat(val.get("excl").booleanValue())
                    .isEqualTo(truth.get("excludes_end").booleanValue());
            return;
        }
        assertThat(val.size()).isEqualTo(truth.get("members").size());
        for (JsonNode member : truth.get("members")) {
            same(member.get(1), val.get(utf8(member.get(0))), line);
        }
    }

    /** A value in a dump is the one that the script refers to. */
    private static void same(JsonNode truth, JsonNode value, JsonNode line) {
        String inspect = utf8(truth.get("inspect"));
        if (!truth.get("address").isNull()) {
            String address = truth.get("address").textValue();
            assertThat(HeapDumpLines.references(line))
                    .as("references of the line")
                    .contains(address);
            if (value.isTextual() && value.textValue().startsWith("0x")) {
                assertThat(value.textValue()).isEqualTo(address);
                return;
            }
        }
        if (value == null || value.isMissingNode() || value.isNull()) {
            assertThat(inspect).isEqualTo("nil");
        } else if (value.isTextual()
                && (value.textValue().startsWith(":") || value.textValue().startsWith("#"))) {
            text(value.textValue(), inspect);
        } else if (value.isTextual()) {
            String text = value.textValue();
            assertThat("\"" + (text.startsWith("\\") ? text.substring(1) : text) + "\"")
                    .isEqualTo(inspect);
        } else if (value.isFloatingPointNumber()) {
            assertThat(value.doubleValue()).isEqualTo(Double.parseDouble(inspect));
        } else {
            assertThat(value.asText()).isEqualTo(inspect);
        }
    }

    private static void text(String value, String inspect) {
        if (value.startsWith(":")) {
            assertThat(inspect.replace("\"", "")).isEqualTo(value);
        } else {
            assertThat(inspect).isEqualTo(value.substring(1));
        }
    }

    private static void key(JsonNode truth, String key, JsonNode line) {
        String inspect = utf8(truth.get("inspect"));
        if (key.matches("#-?[0-9].*")) {
            assertThat(new BigDecimal(key.substring(1))).isEqualByComparingTo(new BigDecimal(inspect));
        } else {
            same(truth, JSON.getNodeFactory().textNode(key), line);
        }
    }
}
