// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What objects of the core library hold, against what Ruby itself says of each. */
class CoreContentsTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** A text of the dump is cut there. */
    private static final int LONGEST_TEXT = 4096;

    @TempDir
    Path folder;

    private Map<String, JsonNode> dump(RubyProcess process) throws Exception {
        Path file = Files.createTempFile(folder, "dump", ".json");
        try (Target target = Target.attach(process.pid());
                FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            DumpSummary written =
                    HeapDump.of(RubyVm.locate(target), HeapDump.Id.PLAIN).write(DumpOutput.to(channel), slots -> {});
            assertThat(written.damaged()).isZero();
        }
        Map<String, JsonNode> lines = new HashMap<>();
        for (String line : Files.readAllLines(file)) {
            JsonNode object = JSON.readTree(line);
            lines.put(object.get("id").textValue(), object);
        }
        return lines;
    }

    private static JsonNode answer(RubyProcess process, String command) throws Exception {
        return JSON.readTree(process.ask(command).getFirst());
    }

    private interface Check {
        void that(JsonNode line, JsonNode told);
    }

    private static void each(Map<String, JsonNode> lines, JsonNode told, String kind, Check check) {
        assertThat(told.get(kind)).isNotEmpty();
        told.get(kind).forEach(pair -> check.that(lines.get(pair.get(0).textValue()), pair.get(1)));
    }

    /** What Ruby makes only when it is asked for, such as the text of a backtrace, is there before and after that. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void objectsOfTheCoreLibrary(Ruby ruby) throws Exception {
        try (RubyProcess process =
                RubyProcess.of(ruby, "contents").option("--disable=gems").start()) {
            Map<String, JsonNode> before = dump(process);
            JsonNode told = answer(process, "told");
            check(ruby, before, told);
            Map<String, JsonNode> after = dump(process);
            check(ruby, after, told);
            each(after, told, "times", CoreContentsTest::zone);
            JsonNode machine = answer(process, "machine");
            machine(before, machine);
            coverage(before, machine);
            assertThat(before.get(machine.get("unset").textValue()).has("sec")).isFalse();
        }
    }

    private static void check(Ruby ruby, Map<String, JsonNode> lines, JsonNode told) {
        each(lines, told, "exceptions", CoreContentsTest::exception);
        each(lines, told, "times", CoreContentsTest::time);
        each(lines, told, "queues", CoreContentsTest::queue);
        each(
                lines,
                told,
                "sets",
                (line, elements) -> assertThat(line.get("items")).isEqualTo(elements));
        each(
                lines,
                told,
                "structs",
                (line, members) -> assertThat(line.get("val")).isEqualTo(members));
        each(
                lines,
                told,
                "monitors",
                (line, monitor) -> assertThat(line.get("locked")).isEqualTo(monitor.get("locked")));
        each(lines, told, "groups", (line, group) -> {
            assertThat(line.get("enclosed")).isEqualTo(group.get("enclosed"));
            assertThat(line.get("threads")).isEqualTo(group.get("threads"));
        });
        each(lines, told, "traced", CoreContentsTest::allocation);
    }

    private static void exception(JsonNode line, JsonNode told) {
        String message = told.get("message").textValue();
        assertThat(line.path("message").textValue())
                .isEqualTo(message.length() <= LONGEST_TEXT ? message : message.substring(0, LONGEST_TEXT) + "…");
        assertThat(line.get("backtrace")).as(message).isEqualTo(told.get("backtrace"));
        assertThat(line.path("cause").textValue()).isEqualTo(told.get("cause").textValue());
    }

    private static void time(JsonNode line, JsonNode told) {
        assertThat(line.get("sec").asText()).isEqualTo(told.get("sec").textValue());
        assertThat(line.get("nsec")).isEqualTo(told.get("nsec"));
        assertThat(line.get("utc")).isEqualTo(told.get("utc"));
        if (line.has("subsec")) {
            assertThat(line.get("subsec")).isEqualTo(told.get("subsec"));
        } else {
            String[] fraction = told.get("subsec").textValue().split("/");
            long below = fraction.length == 1 ? 1 : Long.parseLong(fraction[1]);
            assertThat(1_000_000_000 % below).as(told.toString()).isZero();
            assertThat(line.get("nsec").longValue()).isEqualTo(Long.parseLong(fraction[0]) * (1_000_000_000 / below));
        }
        if (line.has("utc_offset")) {
            zone(line, told);
        }
    }

    private static void zone(JsonNode line, JsonNode told) {
        assertThat(line.get("utc_offset")).as(told.toString()).isEqualTo(told.get("utc_offset"));
        assertThat(line.get("zone")).as(told.toString()).isEqualTo(told.get("zone"));
    }

    private static void queue(JsonNode line, JsonNode told) {
        assertThat(line.get("items")).hasSize(told.get("size").intValue());
        assertThat(line.path("max").intValue()).isEqualTo(told.get("max").intValue());
        assertThat(line.has("max")).isEqualTo(!told.get("max").isNull());
        assertThat(line.get("closed")).isEqualTo(told.get("closed"));
        assertThat(line.path("waiting").size() + line.path("waiting_push").size())
                .isEqualTo(told.get("waiting").intValue());
    }

    private static void allocation(JsonNode line, JsonNode told) {
        JsonNode allocation = line.get("allocation");
        assertThat(allocation).as(line.toString()).isNotNull();
        for (String key : List.of("file", "line", "method", "class_path", "generation")) {
            assertThat(allocation.has(key)).as(key).isEqualTo(!told.get(key).isNull());
            assertThat(allocation.path(key).asText())
                    .as(key)
                    .isEqualTo(told.get(key).asText(""));
        }
    }

    /** Key for key as Ruby itself writes them, which prints a line below zero as a number that has no sign. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void whereObjectsWereMadeInRubysOwnLines(Ruby ruby) throws Exception {
        try (RubyProcess process =
                RubyProcess.of(ruby, "contents").option("--disable=gems").start()) {
            JsonNode traced = answer(process, "told").get("traced");
            Path file = folder.resolve("objectspace.json");
            try (Target target = Target.attach(process.pid());
                    FileChannel channel =
                            FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                ObjectSpaceDump.of(RubyVm.locate(target)).write(DumpOutput.to(channel), slots -> {});
            }
            DumpLines ours = DumpLines.of(file, true);
            DumpLines theirs = DumpLines.of(process.dumpAll(), false);
            int belowZero = 0;
            for (JsonNode object : traced) {
                String address = object.get(0).textValue();
                String made = made(theirs.objects.get(address));
                assertThat(made(ours.objects.get(address))).isEqualTo(made);
                belowZero += made.contains("\"line\":1844674407370955161") ? 1 : 0;
            }
            assertThat(traced).hasSizeGreaterThan(50);
            assertThat(belowZero).isEqualTo(2);
        }
    }

    /** What a line has from the first key of the allocation on, up to the one behind the last. */
    private static String made(byte[] line) {
        String text = new String(line, StandardCharsets.UTF_8);
        int file = text.indexOf(", \"file\":");
        return text.substring(file, text.indexOf(", \"memsize\":", file));
    }

    /** The instances of a class that were made at one place, alone and among what has been made there besides. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void placesWhereObjectsWereMade(Ruby ruby) throws Exception {
        try (RubyProcess process =
                RubyProcess.of(ruby, "contents").option("--disable=gems").start()) {
            JsonNode traced = answer(process, "told").get("traced");
            JsonNode last = traced.get(traced.size() - 1).get(1);
            String place = last.get("file").textValue() + ":" + last.get("line").intValue();
            try (Target target = Target.attach(process.pid())) {
                RubyVm vm = RubyVm.locate(target);
                assertThat(ObjectCounts.withPlaces(vm.slots(), vm.reader(), List.of("Maker"))
                                .places())
                        .containsExactly(Map.entry(place, 50L));
                assertThat(ObjectCounts.withPlaces(vm.slots(), vm.reader(), List.of())
                                .places()
                                .get(place))
                        .isBetween(50L, 60L);
                assertThat(ObjectCounts.of(vm.slots(), vm.reader(), List.of("Maker"))
                                .places())
                        .isEmpty();
                long made = 0;
                try (UsageCursor usage = UsageCursor.over(Heaps.of(target))) {
                    while (usage.next()) {
                        made += usage.category().kind().equals("Maker")
                                        && usage.category().detail().equals("T_OBJECT at " + place)
                                ? 1
                                : 0;
                    }
                }
                assertThat(made).isEqualTo(50);
            }
        }
    }

    private static JsonNode only(Map<String, JsonNode> lines, String type) {
        List<JsonNode> found = lines.values().stream()
                .filter(line -> line.path("type_name").asText().equals(type))
                .toList();
        assertThat(found).hasSize(1);
        return found.getFirst();
    }

    private static void machine(Map<String, JsonNode> lines, JsonNode told) {
        JsonNode machine = only(lines, "VM");
        for (String key : List.of("thgroup_default", "load_path", "loaded_features", "top_self", "threads")) {
            assertThat(machine.get(key)).as(key).isEqualTo(told.get(key));
        }
        assertThat(lines.get(machine.get("mark_object_ary").textValue())
                        .get("bt")
                        .textValue())
                .isIn("T_ARRAY", "T_DATA");
        assertThat(lines.get(machine.get("coverages").textValue()).get("val")).hasSize(1);
        JsonNode mixed = lines.get(told.get("mixed").textValue());
        assertThat(mixed.get("locked").booleanValue()).isFalse();
        JsonNode held = lines.values().stream()
                .filter(line -> line.path("type_name").asText().equals("monitor")
                        && line.get("count").intValue() > 0
                        && line.get("locked").booleanValue())
                .findFirst()
                .orElseThrow();
        assertThat(held.get("count").intValue()).isEqualTo(2);
        assertThat(held.get("thread")).isEqualTo(told.get("holder"));
        List<String> waiting = new ArrayList<>();
        lines.values().stream()
                .filter(line -> line.path("type_name").asText().endsWith("queue"))
                .forEach(line -> List.of("waiting", "waiting_push")
                        .forEach(key -> line.path(key).forEach(thread -> waiting.add(thread.textValue()))));
        List<String> threads = new ArrayList<>();
        told.get("waiting").forEach(thread -> threads.add(thread.textValue()));
        assertThat(waiting).containsAll(threads);
    }

    /** The code of a file has what was counted for the file's lines. */
    private static void coverage(Map<String, JsonNode> lines, JsonNode told) {
        JsonNode all = told.get("coverage");
        for (String name : List.of("covered_pick", "covered_never")) {
            JsonNode code = code(lines, name);
            JsonNode counted = code.get("coverage").get("lines");
            assertThat(counted).isNotEmpty();
            counted.properties()
                    .forEach(line -> assertThat(line.getValue())
                            .isEqualTo(all.get("lines").get(Integer.parseInt(line.getKey()) - 1)));
            JsonNode branches = code.get("coverage").get("branches");
            assertThat(branches).hasSize(1);
            branch(branches.get(0), all.get("branches").get(name.endsWith("pick") ? 0 : 1));
        }
    }

    private static JsonNode code(Map<String, JsonNode> lines, String name) {
        Optional<JsonNode> found = lines.values().stream()
                .filter(line -> line.path("imemo_type").asText().equals("iseq")
                        && line.path("name").asText().equals(name))
                .findFirst();
        return found.orElseThrow();
    }

    /** Ruby numbers conditions and ways, in their order. */
    private static void branch(JsonNode branch, JsonNode told) {
        JsonNode base = told.get(0);
        assertThat(branch.get(0).textValue()).isEqualTo(":" + base.get(0).textValue());
        for (int i = 1; i <= 4; i++) {
            assertThat(branch.get(i)).isEqualTo(base.get(i + 1));
        }
        List<String> ways = new ArrayList<>();
        ArrayNode found = (ArrayNode) branch.get(5);
        int number = base.get(1).intValue();
        for (JsonNode way : found) {
            ways.add("[%s, %d, %d, %d, %d, %d]=%d"
                    .formatted(
                            way.get(0).textValue(),
                            ++number,
                            way.get(1).intValue(),
                            way.get(2).intValue(),
                            way.get(3).intValue(),
                            way.get(4).intValue(),
                            way.get(5).intValue()));
        }
        List<String> expected = new ArrayList<>();
        told.get(1).properties().forEach(way -> expected.add(way.getKey() + "=" + way.getValue()));
        assertThat(ways).isEqualTo(expected);
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void linesThatAreMarkedOnce(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "contents")
                .option("--disable=gems")
                .env("HEAPWALK_ONESHOT", "1")
                .start()) {
            Map<String, JsonNode> lines = dump(process);
            JsonNode all = answer(process, "machine").get("coverage").get("oneshot_lines");
            List<Integer> ran = new ArrayList<>();
            all.forEach(line -> ran.add(line.intValue()));
            List<Integer> own = new ArrayList<>();
            code(lines, "covered_pick").get("coverage").get("oneshot_lines").forEach(line -> own.add(line.intValue()));
            assertThat(own).containsExactlyInAnyOrder(2, 3, 5);
            ran.retainAll(own);
            assertThat(own).as("in the order in which they ran").isEqualTo(ran);
            assertThat(code(lines, "covered_never").get("coverage").get("oneshot_lines"))
                    .isEmpty();
        }
    }
}
