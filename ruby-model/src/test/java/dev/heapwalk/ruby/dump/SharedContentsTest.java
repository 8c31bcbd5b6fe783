// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.vm.Interpreter;
import dev.heapwalk.ruby.vm.RubyThreads;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What many objects share is written once, and a reader that goes by docs/ruby-dump.md comes from each of them to what
 * the program says that it holds.
 */
class SharedContentsTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path folder;

    private final Map<String, JsonNode> lines = new HashMap<>();

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void isWrittenOnceAndFoundFromEach(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask("eval $text = (0...400).map { |i| \"line #{i} \\u00e9;\" }.join; $strings = [$text, $text.dup]"
                    + " + (0...60).map { |i| $text[i * 7..-1] } + (0...60).map { |i| $text.byteslice(i * 11..-1) }"
                    + " + (0...9).map { |i| $text[9 + i * 7..-1].dup.force_encoding(\"BINARY\") }"
                    + " + (0...60).map { |i| $text[i, 900] } + (0...60).map { |i| $text[1000..-1][i * 7..-1] }; 0");
            process.ask("eval $list = Array.new(900) { |i| i.even? ? i : Object.new }; $arrays = [$list, $list.dup]"
                    + " + (0...60).map { |i| $list[i * 7..-1] } + (0...60).map { |i| $list.first(800 - i) }"
                    + " + (0...60).map { |i| $list[100, 700][i, 500] } + [$list.last(4)]; 0");
            process.ask("eval $symbols = [\"long name\" * 200, \"longer name\" * 200].map(&:to_sym);"
                    + " $patterns = Array.new(9) { Regexp.new($symbols[0].to_s) }; 0");
            Map<String, byte[]> strings = bytes(process, "$strings");
            List<String[]> arrays = pairs(
                    process,
                    "eval $arrays.map { |a| Target.address(a) + ' ' + a.map"
                            + " { |v| Integer === v ? v : Target.address(v) }.join(',') }");
            Map<String, byte[]> symbols = bytes(process, "$symbols");
            Map<String, byte[]> patterns = bytes(process, "$patterns");
            Path core = Cores.gcore(process, folder);
            try (Target target = Target.core(core, ruby.root())) {
                RubyVm vm = RubyVm.locate(target);
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                DumpSummary written = HeapDump.of(vm, HeapDump.Id.PLAIN).write(DumpOutput.to(out), slots -> {});
                assertThat(written.damaged()).isZero();
                for (String line : out.toString(StandardCharsets.UTF_8).split("\n")) {
                    JsonNode node = JSON.readTree(line);
                    lines.put(node.get("id").textValue(), node);
                }
                strings.forEach((address, bytes) -> assertThat(bytes(address))
                        .as(lines.get(address).toString())
                        .isEqualTo(bytes));
                symbols.forEach((address, bytes) -> assertThat(bytes(address)).isEqualTo(bytes));
                patterns.forEach((address, bytes) -> assertThat(bytes(address)).isEqualTo(bytes));
                for (String[] array : arrays) {
                    assertThat(elements(array[0])).containsExactly(array[1].split(","));
                }
                once(strings.keySet().stream().toList(), 120);
                once(arrays.stream().map(array -> array[0]).toList(), 60);
                once(patterns.keySet().stream().toList(), 9);
                once(symbols.keySet().stream().toList(), 2);
                // The text has few owners: the root, and one more for each copy that shares with no other.
                assertThat(lines.values().stream()
                                .filter(line -> line.path("val").asText().contains("line 398 é;line 399 é;"))
                                .count())
                        .isLessThan(6);
                alone(vm, strings);
            }
        }
    }

    /** Who is shown alone has its contents. */
    private static void alone(RubyVm vm, Map<String, byte[]> strings) throws IOException {
        ObjectReader reader = vm.reader();
        for (Map.Entry<String, byte[]> string : strings.entrySet()) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            ObjectLines shown = new ObjectLines(new RubyThreads(new Interpreter(reader)), out, HeapDump.Id.PLAIN);
            assertThat(shown.object(Long.decode(string.getKey()))).isTrue();
            shown.flush();
            assertThat(own(JSON.readTree(out.toByteArray()))).isEqualTo(string.getValue());
        }
    }

    private void once(List<String> addresses, int sharing) {
        assertThat(addresses.stream()
                        .filter(address -> lines.get(address).has("shared")
                                && !lines.get(address).has("val"))
                        .count())
                .isGreaterThanOrEqualTo(sharing);
        assertThat(addresses.stream()
                        .map(lines::get)
                        .filter(line -> line.has("shared")
                                && line.has("val")
                                && line.get("val").size()
                                                + line.get("val").asText().length()
                                        > 64))
                .isEmpty();
    }

    private byte[] bytes(String address) {
        JsonNode line = lines.get(address);
        if (line.has("val")) {
            return own(line);
        }
        byte[] of = bytes(line.get("shared").textValue());
        int offset = line.path("offset").asInt(0);
        return Arrays.copyOfRange(of, offset, offset + line.path("length").asInt(of.length - offset));
    }

    private static byte[] own(JsonNode line) {
        return line.path("binary").asBoolean()
                ? Base64.getDecoder().decode(line.get("base64").textValue())
                : line.get("val").textValue().getBytes(StandardCharsets.UTF_8);
    }

    private List<String> elements(String address) {
        JsonNode line = lines.get(address);
        if (line.has("val")) {
            List<String> elements = new ArrayList<>();
            line.get("val").forEach(element -> elements.add(element.asText()));
            return elements;
        }
        List<String> of = elements(line.get("shared").textValue());
        int offset = line.path("offset").asInt(0);
        return of.subList(offset, offset + line.path("length").asInt(of.size() - offset));
    }

    private static Map<String, byte[]> bytes(RubyProcess process, String list) throws IOException {
        Map<String, byte[]> bytes = new HashMap<>();
        pairs(
                        process,
                        "eval " + list + ".map { |s| Target.address(s) +"
                                + " ' ' + Target.hex(Regexp === s ? s.source : s.to_s) }")
                .forEach(pair -> bytes.put(pair[0], HexFormat.of().parseHex(pair[1])));
        return bytes;
    }

    private static List<String[]> pairs(RubyProcess process, String command) throws IOException {
        return process.ask(command).stream().map(line -> line.split(" ")).toList();
    }

    /** A module is not repeated for each class or object that includes it. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void methodsAreThoseOfTheModule(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask("eval $module = Module.new { 50.times { |i| define_method(\"method_number_#{i}\") { } } };"
                    + " $prepended = Module.new { define_method(:method_number_0) { } };"
                    + " $includers = Array.new(40) { Object.new.extend($module) };"
                    + " $own = Class.new { prepend $prepended; 50.times { |i| define_method(\"own_#{i}\") { } } }; 0");
            String module = process.ask("eval Target.address($module)").getFirst();
            String own = process.ask("eval Target.address($own)").getFirst();
            try (Target target = Target.attach(process.pid())) {
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                HeapDump.of(RubyVm.locate(target), HeapDump.Id.PLAIN).write(DumpOutput.to(out), slots -> {});
                for (String line : out.toString(StandardCharsets.UTF_8).split("\n")) {
                    JsonNode node = JSON.readTree(line);
                    lines.put(node.get("id").textValue(), node);
                }
            }
            assertThat(lines.get(module).get("methods")).hasSize(50);
            assertThat(lines.get(own).get("methods")).hasSize(50);
            List<JsonNode> places = lines.values().stream()
                    .filter(line -> line.path("module").asText().equals(module))
                    .toList();
            assertThat(places).hasSizeGreaterThanOrEqualTo(40).noneMatch(line -> line.has("methods"));
        }
    }

    /** Names that many objects have are as short as the objects are small, and still different. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void longNamesAreCut(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask(
                    "eval $named = Array.new(20) { o = Object.new; o.instance_variable_set(\"@\" + \"\\u00e9\" * 5000"
                            + " + \"a\", 1); o.instance_variable_set(\"@\" + \"\\u00e9\" * 5000 + \"b\", 2); o }; 0");
            String named = process.ask("eval Target.address($named[7])").getFirst();
            try (Target target = Target.attach(process.pid())) {
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                RubyVm vm = RubyVm.locate(target);
                ObjectLines shown =
                        new ObjectLines(new RubyThreads(new Interpreter(vm.reader())), out, HeapDump.Id.PLAIN);
                assertThat(shown.object(Long.decode(named))).isTrue();
                shown.flush();
                JsonNode ivars = JSON.readTree(out.toByteArray()).get("ivs");
                assertThat(ivars).hasSize(2);
                ivars.fieldNames().forEachRemaining(name -> assertThat(name).matches("@é{255}…#[0-9]+"));
            }
        }
    }
}
