// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The ruby commands on real Rubies, which know themselves what they hold. */
final class RubyIT {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern DEMO = Pattern.compile("heapwalk: demo: process (\\d+) holds a shop");

    static List<Ruby> rubies() {
        return Ruby.all();
    }

    private static Map<String, String> info(Run run) {
        Map<String, String> found = new HashMap<>();
        for (JsonNode row : run.rows()) {
            found.put(row.get("subject").textValue(), row.get("conclusion").textValue());
        }
        return found;
    }

    @ParameterizedTest
    @MethodSource("rubies")
    void infoIsWhatRubySays(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            List<String> version = process.ask("version");
            JsonNode stat = JSON.readTree(process.ask("gc_stat").getFirst());
            String pid = Long.toString(process.pid());
            Map<String, String> found =
                    info(Run.heapwalk("ruby", "info", pid, "--format=jsonl").exited(0));
            assertThat(found).containsEntry("version", version.get(0)).containsEntry("platform", version.get(1));
            long pages = Long.parseLong(found.get("heap pages").replaceAll(" pages.*|,", ""));
            assertThat(pages).isEqualTo(stat.get("heap_allocated_pages").longValue());
            assertThat(found.get("symbols")).startsWith("0x");
            assertThat(found.get("global variables")).startsWith("0x");
            Run table = Run.heapwalk("ruby", "info", "--mode", "observe", pid).exited(0);
            assertThat(table.lines().getFirst()).matches("Subject +Found +Evidence");
            assertThat(table.text()).contains(version.get(0)).doesNotContain("TOTAL");
        }
    }

    /** What the counting itself makes in the target: a few strings and the hash of the counts. */
    private static final Map<String, Integer> MADE_BY_COUNTING =
            Map.of("T_STRING", 400, "T_HASH", 8, "T_ARRAY", 8, "T_DATA", 8, "T_IMEMO", 60, "T_OBJECT", 4);

    @ParameterizedTest
    @MethodSource("rubies")
    void countsAreThoseOfObjectSpace(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            String pid = Long.toString(process.pid());
            process.ask("gc_disable");
            JsonNode counts = Run.heapwalk("ruby", "count", pid, "Parent", "Nobody")
                    .exited(0)
                    .rows()
                    .getFirst();
            JsonNode truth = JSON.readTree(process.ask("count_objects").getFirst());
            assertThat(counts.fieldNames())
                    .toIterable()
                    .containsExactly("total_slots", "free_slots", "basic_types", "user_types");
            assertThat(counts.get("total_slots").longValue())
                    .isEqualTo(truth.get("TOTAL").longValue());
            List<String> types = new ArrayList<>();
            truth.fieldNames().forEachRemaining(name -> {
                if (name.startsWith("T_")) {
                    types.add(name);
                    long made = truth.get(name).longValue()
                            - counts.get("basic_types").path(name).longValue();
                    assertThat(made).as(name).isBetween(0L, (long) MADE_BY_COUNTING.getOrDefault(name, 0));
                }
            });
            assertThat(types).hasSizeGreaterThan(15).containsAll(fields(counts.get("basic_types")));
            long sum = counts.get("free_slots").longValue();
            for (JsonNode count : counts.get("basic_types")) {
                sum += count.longValue();
            }
            assertThat(sum).isEqualTo(counts.get("total_slots").longValue());
            assertThat(fields(counts.get("user_types")))
                    .contains("Parent")
                    .allMatch(name -> name.matches("Parent(::.*)?"));
            for (String name : fields(counts.get("user_types"))) {
                long instances = Long.parseLong(
                        process.ask("eval ObjectSpace.each_object(" + name + ").count { |o| o.class == " + name + " }")
                                .getFirst());
                assertThat(counts.get("user_types").get(name).longValue())
                        .as(name)
                        .isEqualTo(instances);
            }
        }
    }

    private static List<String> fields(JsonNode object) {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    @Test
    void demoIsAShopAndIsEnded() throws Exception {
        Run run = Run.launched("ruby", "count", "demo", "Shop").exited(0);
        Matcher said = DEMO.matcher(run.err());
        assertThat(said.lookingAt()).as(run.err()).isTrue();
        JsonNode shop = run.rows().getFirst().get("user_types");
        assertThat(shop.get("Shop::Book").intValue()).isEqualTo(300);
        assertThat(shop.get("Shop::Cart").intValue()).isEqualTo(20);
        assertThat(fields(shop)).containsExactly("Shop::Book", "Shop::Cart");
        ProcessHandle.of(Long.parseLong(said.group(1))).ifPresent(left -> {
            throw new AssertionError("the demo " + left.pid() + " is left");
        });
    }

    @Test
    void demoWithoutARubySaysHowToGetOne() throws IOException {
        ProcessBuilder builder = new ProcessBuilder(
                "/bin/sh", Run.checkout().resolve("bin/heapwalk").toString(), "ruby", "info", "demo");
        builder.environment().put("HEAPWALK_IN_BUILD", "1");
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        // A folder with what the launcher needs and no ruby.
        Path folder = Files.createTempDirectory("heapwalk-no-ruby");
        for (String tool : List.of("readlink", "sh")) {
            Files.createSymbolicLink(folder.resolve(tool), Path.of("/usr/bin", tool));
        }
        builder.environment().put("PATH", folder.toString());
        Run.of(builder).exited(1).said("no ruby on PATH", "apt install ruby");
    }

    @ParameterizedTest
    @MethodSource("rubies")
    void threadsHaveTheBacktracesThatRubyTells(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "frames").start()) {
            Run jsonl = Run.heapwalk("ruby", "threads", Long.toString(process.pid()), "--format=jsonl")
                    .exited(0);
            Run text = Run.heapwalk("ruby", "threads", Long.toString(process.pid()))
                    .exited(0);
            Map<String, JsonNode> threads = new HashMap<>();
            jsonl.rows().forEach(row -> threads.put(row.get("id").textValue(), row));
            String program = process.ask("eval $0").getFirst();
            int compared = 0;
            for (String told : Files.readAllLines(process.askForFile("frames"))) {
                JsonNode truth = JSON.readTree(told);
                if (truth.path("current").booleanValue()) {
                    continue;
                }
                JsonNode thread = threads.get(truth.get("address").textValue());
                List<String> expected = new ArrayList<>();
                for (JsonNode frame : truth.get("backtrace")) {
                    // Of what begins in C a location has no path, and the text of it the program's name.
                    expected.add("%s:%d in %s"
                            .formatted(
                                    frame.get("path").isNull()
                                            ? program
                                            : frame.get("path").textValue(),
                                    frame.get("lineno").intValue(),
                                    frame.get("label").textValue()));
                }
                List<String> actual = new ArrayList<>();
                for (JsonNode frame : thread.get("backtrace")) {
                    actual.add("%s:%d in %s"
                            .formatted(
                                    frame.path("filename").asText("null"),
                                    frame.path("line").intValue(),
                                    frame.get("label").textValue()));
                }
                if (!truth.get("inside").isNull()) {
                    assertThat(actual.removeFirst())
                            .endsWith(" in " + truth.get("inside").textValue());
                }
                assertThat(actual).as(truth.get("name").textValue()).isEqualTo(expected);
                assertThat(text.lines())
                        .containsAll(expected.stream()
                                .map(line -> "  " + line.replace(":0 in ", " in "))
                                .toList());
                compared++;
            }
            assertThat(compared).isGreaterThan(10);
        }
    }

    @Test
    void demoShowsItsThreadsWithTheirVariables() {
        Run run = Run.heapwalk("ruby", "threads", "demo").exited(0);
        assertThat(run.text())
                .containsPattern("(?m)^thread 0x[0-9a-f]+ \\(main\\): sleep")
                .containsPattern("(?m)^thread 0x[0-9a-f]+ \"till 1\": sleep_forever")
                .contains("\n      argument greeting = \"till 0\"\n")
                .containsPattern("argument queue = #<(Thread::)?Queue 0x[0-9a-f]+>")
                .containsPattern("local served = [0-9]+");
    }

    @Test
    void showIsALineOfTheDumpOrSaysWhyThereIsNone() throws IOException {
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start()) {
            String pid = Long.toString(process.pid());
            String address =
                    process.ask("eval Target.address(KEPT[\"parent\"])").getFirst();
            JsonNode shown =
                    Run.heapwalk("ruby", "show", pid, address).exited(0).rows().getFirst();
            assertThat(shown.get("id").textValue()).isEqualTo(address);
            assertThat(shown.get("bt").textValue()).isEqualTo("T_OBJECT");
            String klass = Run.heapwalk("ruby", "show", pid, shown.get("class").textValue())
                    .exited(0)
                    .rows()
                    .getFirst()
                    .get("name")
                    .textValue();
            assertThat(klass).isEqualTo("Parent");
            Run.heapwalk("ruby", "show", pid, "4096").exited(2).said("ADDRESS", "'4096'");
            Run.heapwalk("ruby", "show", pid, "0x").exited(2).said("ADDRESS", "'0x'");
            Run.heapwalk("ruby", "show", pid, "0x1000").exited(2).said("no object at 0x1000", "not in Ruby's heap");
            Run.heapwalk("ruby", "show", pid, "0xffffffffffffffff").exited(2).said("not in Ruby's heap");
            String inside = "0x" + Long.toHexString(Long.decode(address) + 8);
            Run.heapwalk("ruby", "show", pid, inside)
                    .exited(2)
                    .said("no object at " + inside, "inside the one at " + address);
        }
    }

    @Test
    void rootsNameGlobalVariables() throws IOException {
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start()) {
            String pid = Long.toString(process.pid());
            Map<String, JsonNode> byName = new HashMap<>();
            List<String> kinds = new ArrayList<>();
            for (JsonNode row : Run.heapwalk("ruby", "roots", pid, "--format=jsonl")
                    .exited(0)
                    .rows()) {
                byName.put(row.get("name").textValue(), row);
                kinds.add(row.get("root").textValue());
            }
            assertThat(kinds).contains("vm", "global_tbl", "machine_context", "end_proc", "finalizers");
            assertThat(byName.get("$plain").get("value").textValue()).isEqualTo("\"plain global\"");
            assertThat(byName.get("$plain").get("address").textValue())
                    .isEqualTo(process.ask("eval Target.address($plain)").getFirst());
            assertThat(byName.get("$nothing").get("value").textValue()).isEqualTo("nil");
            assertThat(byName.get("$nothing").get("address").isNull()).isTrue();
            assertThat(Run.heapwalk("ruby", "roots", pid).exited(0).lines().getLast())
                    .matches("TOTAL +[0-9,]+ roots");
        }
    }

    @Test
    void processesThatAreNoRuby() throws Exception {
        try (KnownProcess known = KnownProcess.start()) {
            for (String command : List.of("info", "count", "dump", "threads", "roots")) {
                Run.heapwalk("ruby", command, known.pid())
                        .exited(4)
                        .said("no Ruby process", "its program is " + KnownProcess.program());
            }
        }
        Process ended = new ProcessBuilder("true").start();
        ended.waitFor();
        Run.heapwalk("ruby", "info", Long.toString(ended.pid())).exited(4).said(Long.toString(ended.pid()));
    }
}
