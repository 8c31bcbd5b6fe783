// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The python commands on real Pythons, which know themselves what they hold. */
final class PythonIT {
    /** The oldest and the newest; the model's tests run on all. */
    static List<Python> pythons() {
        List<Python> all = Python.debian();
        return Stream.of(all.getFirst(), all.getLast()).distinct().toList();
    }

    private static List<JsonNode> rows(String... command) {
        List<String> line = new ArrayList<>(List.of(command));
        line.add("--format=jsonl");
        return Run.heapwalk(line.toArray(String[]::new)).exited(0).rows();
    }

    private static String pid(PythonProcess process) {
        return Long.toString(process.pid());
    }

    private static String evaluate(PythonProcess process, String expression) throws IOException {
        return process.ask("evaluate " + expression).getFirst();
    }

    private static long number(PythonProcess process, String expression) throws IOException {
        return Long.parseLong(evaluate(process, expression));
    }

    private static String address(String number) {
        return "0x" + Long.toHexString(Long.parseLong(number));
    }

    private static long sum(List<JsonNode> rows, String field) {
        return rows.stream().mapToLong(row -> row.get(field).longValue()).sum();
    }

    private static List<JsonNode> having(List<JsonNode> rows, String field) {
        return rows.stream().filter(row -> row.has(field)).toList();
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void infoIsWhatPythonSays(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            String version = evaluate(process, "sys.version.split()[0]");
            String build = process.ask("version").getFirst();
            for (int made = 0; made < 2; made++) {
                Map<String, JsonNode> found = new TreeMap<>();
                List<String> threads = new ArrayList<>();
                for (JsonNode row : rows("python", "info", pid(process))) {
                    if (row.get("subject").textValue().equals("thread")) {
                        threads.add(row.get("conclusion").textValue());
                    } else {
                        assertThat(found.put(row.get("subject").textValue(), row))
                                .isNull();
                    }
                }
                assertThat(found.get("version").get("conclusion").textValue()).isEqualTo(version);
                assertThat(found.get("type").get("conclusion").textValue())
                        .isEqualTo(address(evaluate(process, "id(type)")));
                assertThat(found.get("build").get("conclusion").textValue())
                        .isEqualTo("with the global interpreter lock");
                assertThat(found.get("build").get("basis").textValue()).contains(build);
                int interpreters = process.ask("interpreters").size();
                assertThat(interpreters).isEqualTo(made + 1);
                assertThat(found.get("interpreters").get("conclusion").textValue())
                        .matches(interpreters == 1 ? "0x[0-9a-f]+" : interpreters + ", the main one at 0x[0-9a-f]+");
                List<String> expected = new ArrayList<>();
                for (String thread : process.ask("threads")) {
                    expected.add(thread.split(" ")[1]);
                }
                // One that has run another interpreter's code is in the list of each.
                assertThat(threads.stream().map(thread -> thread.replaceAll(" \\(.+\\)$", "")))
                        .containsAll(expected)
                        .allMatch(expected::contains);
                assertThat(expected).hasSize(4).doesNotHaveDuplicates();
                if (interpreters == 1) {
                    assertThat(threads).hasSize(4);
                }
                process.ask("interpreter");
            }
            Run table = Run.heapwalk("python", "info", "--mode", "observe", pid(process))
                    .exited(0);
            assertThat(table.lines().getFirst()).matches("Subject +Found +Evidence");
            assertThat(table.text()).contains(version).doesNotContain("TOTAL");
        }
    }

    @Test
    void processesThatAreNoPython() throws Exception {
        try (KnownProcess known = KnownProcess.start()) {
            for (String command : List.of("info", "count", "dump", "threads", "roots", "allocators")) {
                Run run = Run.heapwalk("python", command, known.pid())
                        .exited(4)
                        .said("no Python process", "its program is " + KnownProcess.program());
                assertThat(run.out()).isEmpty();
            }
            Run.heapwalk("python", "show", known.pid(), "0x1000").exited(4).said("no Python process");
        }
        Process ended = new ProcessBuilder("true").start();
        ended.waitFor();
        Run.heapwalk("python", "info", Long.toString(ended.pid())).exited(4).said(Long.toString(ended.pid()));
    }

    /** Objects by type and generation, as {@code gc.get_objects} and {@code gc.get_freeze_count} tell. */
    @ParameterizedTest
    @MethodSource("pythons")
    void countsAreThoseOfTheCollector(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("kinds");
            process.ask("fill 3000");
            List<List<JsonNode>> seen = new ArrayList<>();
            List<String> said = process.askStopped(
                    "tracked", () -> seen.add(rows("python", "count", pid(process), "--generations")));
            List<JsonNode> counted = seen.getFirst();
            // What the process lists, and its lists, which have come after.
            for (int generation = 0; generation < 3; generation++) {
                String word = generation + " ";
                long listed = said.stream()
                        .filter(line -> line.startsWith(word) || word.equals("0 ") && line.startsWith("own "))
                        .count();
                assertThat(sum(counted, "generation_" + generation))
                        .as("generation %d", generation)
                        .isEqualTo(listed)
                        .isGreaterThan(100);
            }
            assertThat(sum(counted, "frozen")).isEqualTo(number(process, "gc.get_freeze_count()"));
            for (JsonNode row : counted) {
                assertThat(sum(List.of(row), "generation_0")
                                + sum(List.of(row), "generation_1")
                                + sum(List.of(row), "generation_2")
                                + sum(List.of(row), "frozen")
                                + sum(List.of(row), "not_tracked"))
                        .as(row.toString())
                        .isEqualTo(row.get("objects").longValue());
                assertThat(row.get("total_bytes").longValue())
                        .isEqualTo(row.get("bytes").longValue()
                                + row.get("owned_bytes").longValue());
            }

            String ask = "evaluate '\\n'.join('%d %s.%s' % (n, t.__module__, t.__qualname__) for t, n in "
                    + "collections.Counter(map(type, gc.get_objects(2))).items())";
            // The first time makes and drops what the classes of containers remember.
            process.ask(ask);
            evaluate(process, "[gc.collect(), gc.disable()]");
            Map<String, Long> old = new TreeMap<>();
            for (String line : process.ask(ask)) {
                String[] words = line.split(" ", 2);
                old.merge(words[1], Long.parseLong(words[0]), Long::sum);
            }
            Map<String, Long> found = new TreeMap<>();
            for (JsonNode row : rows("python", "count", "--generations", pid(process))) {
                if (row.get("generation_2").longValue() > 0) {
                    found.put(
                            row.get("type").textValue(), row.get("generation_2").longValue());
                }
            }
            assertThat(found).isEqualTo(old).hasSizeGreaterThan(50);
            List<JsonNode> plain = rows("python", "count", pid(process), "Plain");
            assertThat(plain).hasSize(1);
            assertThat(plain.getFirst().get("type").textValue()).isEqualTo("__main__.Plain");
            assertThat(plain.getFirst().get("objects").longValue())
                    .isEqualTo(number(process, "sum(type(some) is Plain for some in gc.get_objects())"))
                    .isGreaterThan(3_000);
            assertThat(rows("python", "count", pid(process), "__main__"))
                    .hasSizeGreaterThan(3)
                    .anyMatch(row -> row.get("type").textValue().equals("__main__.Plain"))
                    .allMatch(row -> row.get("type").textValue().startsWith("__main__."));
            assertThat(rows("python", "count", pid(process), "Nobody")).isEmpty();
        }
    }

    private static long said(List<String> lines, String name) {
        List<String> found =
                lines.stream().filter(line -> line.startsWith(name)).toList();
        assertThat(found).as(name).hasSize(1);
        return Long.parseLong(found.getFirst().replaceAll(".*[= ]", "").replace(",", ""));
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void allocatorsAreWhatPythonsStatisticsTell(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("fill 20000");
            process.ask("free");
            // The first time makes objects.
            process.askStopped("stats", () -> {});
            List<List<JsonNode>> seen = new ArrayList<>();
            List<String> stats =
                    process.askStopped("stats", () -> seen.add(rows("python", "allocators", pid(process))));
            List<JsonNode> arenas = having(seen.getFirst(), "arena");
            List<JsonNode> sizes = having(seen.getFirst(), "block_size");
            List<JsonNode> sums = having(seen.getFirst(), "needed_arenas");
            assertThat(arenas.size() + sizes.size() + sums.size())
                    .isEqualTo(seen.getFirst().size());
            assertThat(arenas).hasSize((int) said(stats, "# arenas allocated current "));
            long used = said(stats, "# bytes in allocated blocks ");
            assertThat(sum(arenas, "used_bytes")).isEqualTo(used);
            assertThat(sum(sizes, "used_bytes")).isEqualTo(used);
            assertThat(sum(arenas, "total_pools") - sum(arenas, "free_pools")).isEqualTo(sum(sizes, "pools"));
            assertThat(stats).anyMatch(line -> line.startsWith(sum(arenas, "free_pools") + " unused pools "));
            List<List<Long>> expected = stats.stream()
                    .filter(line -> line.matches("( *[0-9]+){5}"))
                    .map(line -> Stream.of(line.strip().split(" +"))
                            .skip(1)
                            .map(Long::valueOf)
                            .toList())
                    .toList();
            assertThat(sizes.stream()
                            .map(row -> Stream.of("block_size", "pools", "used", "free")
                                    .map(field -> row.get(field).longValue())
                                    .toList())
                            .toList())
                    .isEqualTo(expected)
                    .hasSizeGreaterThan(10);
            assertThat(sums).hasSize(1);
            JsonNode whole = sums.getFirst();
            assertThat(whole.get("arenas").intValue()).isEqualTo(arenas.size());
            long pool = sum(arenas, "size") / sum(arenas, "total_pools");
            long needed = expected.stream()
                    .mapToLong(row -> {
                        long blocks = (Long.highestOneBit(pool)
                                        - said(stats, "# bytes lost to pool headers ") / sum(sizes, "pools"))
                                / row.get(0);
                        return (row.get(2) + blocks - 1) / blocks;
                    })
                    .sum();
            assertThat(whole.get("needed_pools").longValue()).isEqualTo(needed);
            assertThat(whole.get("returnable_arenas").longValue())
                    .isEqualTo(arenas.size() - whole.get("needed_arenas").longValue());
            Run table = Run.heapwalk("python", "allocators", pid(process)).exited(0);
            assertThat(table.text())
                    .containsPattern("(?m)^Allocator +Arena +Address")
                    .contains("Could be given back");
            // Each table is sorted that has the field, and cut.
            for (String[] options :
                    new String[][] {{"--top=1"}, {"--top=1", "--sort=used_bytes:asc"}, {"--sort=pools"}}) {
                List<String> line = new ArrayList<>(List.of("python", "allocators", pid(process)));
                line.addAll(List.of(options));
                assertThat(Run.heapwalk(line.toArray(String[]::new)).exited(0).text())
                        .contains("Could be given back");
            }
            assertThat(Run.heapwalk("python", "allocators", pid(process), "--sort=nothing")
                            .exited(2)
                            .err())
                    .contains("free_pools", "block_size", "returnable_bytes");
        }
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void rootsAreModulesAndFrames(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("library");
            String longName = "a_module_of_a_longNamename".repeat(9);
            evaluate(process, "sys.modules.__setitem__('%s', type(sys)('long'))".formatted(longName));
            Map<String, String> modules = new TreeMap<>();
            for (String line : process.ask("modules")) {
                String[] words = line.split(" ");
                modules.put(words[0], address(words[1]));
            }
            List<JsonNode> roots = rows("python", "roots", pid(process));
            Map<String, String> found = new TreeMap<>();
            Set<String> kinds = new HashSet<>();
            for (JsonNode root : roots) {
                kinds.add(root.get("root").textValue());
                assertThat(root.get("address").textValue()).matches("0x[0-9a-f]+");
                assertThat(root.get("name").textValue()).isNotEmpty();
                if (root.get("root").textValue().equals("module")) {
                    found.put(root.get("name").textValue(), root.get("address").textValue());
                }
            }
            assertThat(modules).containsAllEntriesOf(found);
            assertThat(found).containsKey(longName);
            // A module of two names is listed once.
            assertThat(found.values()).containsAll(modules.values()).doesNotHaveDuplicates();
            assertThat(kinds).contains("interpreter", "module", "frame", "static_type", "interned");
            JsonNode main = roots.stream()
                    .filter(root -> root.get("name").textValue().equals("__main__"))
                    .findFirst()
                    .orElseThrow();
            assertThat(main.get("value").textValue()).isEqualTo("<module '__main__'>");
            assertThat(main.get("type").textValue()).isEqualTo("builtins.module");
            assertThat(Run.heapwalk("python", "roots", pid(process))
                            .exited(0)
                            .lines()
                            .getLast())
                    .matches("TOTAL +%,d roots".formatted(roots.size()));
        }
    }

    private static Map<String, String> facts(List<JsonNode> rows) {
        Map<String, String> facts = new TreeMap<>();
        having(rows, "field")
                .forEach(row ->
                        facts.put(row.get("field").textValue(), row.get("value").textValue()));
        return facts;
    }

    private static long bytes(Map<String, String> facts, String name) {
        String text = facts.getOrDefault(name, "0 bytes");
        assertThat(text).endsWith(" bytes");
        return Long.parseLong(text.replace(" bytes", "").replace(",", ""));
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void showsTheObjectThatLiesThere(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            String list = address(evaluate(process, "id(OBJECTS)"));
            List<JsonNode> rows = rows("python", "show", pid(process), list);
            Map<String, String> facts = facts(rows);
            assertThat(facts)
                    .containsEntry("address", list)
                    .containsEntry("type", "builtins.list")
                    .containsEntry("type address", address(evaluate(process, "id(list)")))
                    // The call holds it too.
                    .containsEntry("references", Long.toString(number(process, "sys.getrefcount(OBJECTS)") - 1))
                    .containsEntry("collector", "generation 2")
                    .doesNotContainKey("asked for");
            assertThat(bytes(facts, "size") + bytes(facts, "owned"))
                    .isEqualTo(number(process, "sys.getsizeof(OBJECTS)"));
            List<String> elements = new ArrayList<>();
            for (String element : evaluate(process, "' '.join(str(id(some)) for some in OBJECTS)")
                    .split(" ")) {
                elements.add("[%d] %s".formatted(elements.size(), address(element)));
            }
            assertThat(having(rows, "reference").stream()
                            .filter(row -> row.get("reference").textValue().startsWith("["))
                            .map(row -> row.get("reference").textValue() + " "
                                    + row.get("address").textValue())
                            .toList())
                    .isEqualTo(elements);

            // Within it, and in the buffer of its elements, whose address is the word behind the number of them.
            String inside = "0x" + Long.toHexString(Long.decode(list) + 8);
            Map<String, String> within = facts(rows("python", "show", inside, pid(process)));
            assertThat(within.remove("asked for")).isEqualTo(inside + ", 8 bytes into the object");
            assertThat(within).isEqualTo(facts);
            long buffer = number(process, "__import__('ctypes').c_size_t.from_address(id(OBJECTS) + 24).value");
            String owned = "0x" + Long.toHexString(buffer + 16);
            Map<String, String> behind = facts(rows("python", "show", pid(process), owned));
            assertThat(behind.remove("asked for")).isEqualTo(owned + ", 16 bytes into its list ob_item");
            assertThat(behind).isEqualTo(facts);
            assertThat(having(rows, "reference"))
                    .anyMatch(row -> row.get("kind").textValue().equals("owns")
                            && row.get("reference").textValue().equals("list ob_item")
                            && Long.decode(row.get("address").textValue()) == buffer);

            List<JsonNode> plain = rows("python", "show", pid(process), address(evaluate(process, "id(PLAINS[7])")));
            assertThat(facts(plain)).containsEntry("type", "__main__.Plain");
            Run table = Run.heapwalk("python", "show", pid(process), list).exited(0);
            assertThat(table.text())
                    .contains("\nvalue ", "\nReference ")
                    .containsPattern("(?m)^TOTAL +[0-9]+ references$");
        }
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void showsVariablesAndRefusesWhatIsNoObject(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            String pid = pid(process);
            Map<String, String> none = facts(rows("python", "show", pid, address(evaluate(process, "id(None)"))));
            assertThat(none)
                    .containsEntry("type", "builtins.NoneType")
                    .containsEntry("value", "None")
                    .containsEntry("lies in", "the variables of a module");
            if (python.isAtLeast(3, 12)) {
                assertThat(none).containsEntry("references", "not counted");
            }
            Run.heapwalk("python", "show", pid, "4096").exited(2).said("ADDRESS", "'4096'");
            Run.heapwalk("python", "show", pid, "0x").exited(2).said("ADDRESS", "'0x'");
            for (String nonsense : List.of("0x0", "0x1000", "0xffffffffffffffff", "0x7fffffffffff")) {
                Run run = Run.heapwalk("python", "show", pid, nonsense)
                        .exited(2)
                        .said("there is no object at " + nonsense);
                assertThat(run.out()).isEmpty();
            }
        }
    }

    /** Malloc's commands know what Python's blocks are. */
    @ParameterizedTest
    @MethodSource("pythons")
    void summaryAndUsedTellTypesAndAddUp(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("fill 5000");
            process.ask("owners");
            List<JsonNode> summary = rows("summary", pid(process));
            List<JsonNode> used = rows("used", pid(process));
            List<JsonNode> sizes = rows("sizes", pid(process));
            List<JsonNode> allocators = having(rows("python", "allocators", pid(process)), "arena");
            long plains = number(process, "sum(type(some) is Plain for some in gc.get_objects())");
            List<JsonNode> plain = summary.stream()
                    .filter(row -> row.get("kind").textValue().equals("__main__.Plain"))
                    .toList();
            assertThat(plain).hasSize(1);
            assertThat(plain.getFirst().get("domain").textValue()).isEqualTo("python");
            assertThat(plain.getFirst().get("count").longValue()).isEqualTo(plains);
            Set<String> addresses = new HashSet<>();
            for (String one : evaluate(process, "' '.join(str(id(some)) for some in KEPT)")
                    .split(" ")) {
                addresses.add(one);
            }
            assertThat(addresses).hasSize(5_000);
            TreeMap<Long, JsonNode> blocks = new TreeMap<>();
            used.forEach(row -> assertThat(
                            blocks.put(Long.decode(row.get("address").textValue()), row))
                    .isNull());
            for (String one : addresses) {
                JsonNode block = blocks.floorEntry(Long.parseLong(one)).getValue();
                assertThat(block.get("kind").textValue()).as(block.toString()).isEqualTo("__main__.Plain");
            }
            // Malloc's chunks are those of sizes; what lies in the arenas is what Python's allocator has in use.
            TreeMap<Long, Long> arenas = new TreeMap<>();
            allocators.forEach(arena -> arenas.put(
                    Long.decode(arena.get("address").textValue()),
                    arena.get("size").longValue()));
            List<JsonNode> inside = new ArrayList<>();
            List<JsonNode> chunks = new ArrayList<>();
            blocks.forEach((address, row) -> {
                Map.Entry<Long, Long> arena = arenas.floorEntry(address);
                boolean within = arena != null && address < arena.getKey() + arena.getValue();
                (within ? inside : chunks).add(row);
            });
            assertThat(sum(sizes, "count")).isEqualTo(chunks.size());
            assertThat(sum(sizes, "bytes")).isEqualTo(sum(chunks, "size"));
            assertThat(sum(allocators, "used_bytes")).isEqualTo(sum(inside, "size"));
            assertThat(sum(summary, "bytes")).isEqualTo(sum(sizes, "bytes") + sum(allocators, "size"));
            Map<String, Long> byKind = new TreeMap<>();
            summary.stream()
                    .filter(row -> !row.get("kind").textValue().equals("pymalloc"))
                    .forEach(row -> byKind.merge(
                            row.get("kind").textValue(), row.get("count").longValue(), Long::sum));
            Map<String, Long> listed = new TreeMap<>();
            used.stream()
                    .filter(row -> !row.get("kind").textValue().equals("pymalloc"))
                    .forEach(row -> listed.merge(row.get("kind").textValue(), 1L, Long::sum));
            assertThat(listed)
                    .isEqualTo(byKind)
                    .containsKeys("builtins.dict", "dict keys", "set table", "list ob_item");
        }
    }
}
