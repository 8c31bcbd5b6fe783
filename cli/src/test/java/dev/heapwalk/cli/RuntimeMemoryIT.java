// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.testkit.Grandchild;
import dev.heapwalk.testkit.Node;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the command memory tells of runtimes whose objects no heap tells, held against what they tell themselves. */
final class RuntimeMemoryIT {
    private static Path tool(String name) {
        return Path.of(System.getProperty("java.home"), "bin", name);
    }

    private static Grandchild java(String... options) throws IOException, URISyntaxException {
        Path classes = Path.of(JavaTarget.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        List<String> line = Stream.of(
                        Stream.of(tool("java").toString(), "-Xmx200m", "-XX:NativeMemoryTracking=summary"),
                        Stream.of(options),
                        Stream.of("-cp", classes.toString(), JavaTarget.class.getName()))
                .flatMap(each -> each)
                .toList();
        Grandchild process = Grandchild.start(new ProcessBuilder(line));
        assertThat(process.inputReader().readLine()).isEqualTo("READY");
        return process;
    }

    private static String jcmd(Grandchild process, String... command) {
        List<String> line = Stream.concat(
                        Stream.of(tool("jcmd").toString(), Long.toString(process.pid())), Stream.of(command))
                .toList();
        return Run.of(new ProcessBuilder(line)).exited(0).text();
    }

    private static List<JsonNode> memory(Process process) {
        return Run.heapwalk("memory", "--format", "jsonl", Long.toString(process.pid()))
                .exited(0)
                .rows();
    }

    private static JsonNode owner(List<JsonNode> rows, String name) {
        return rows.stream()
                .filter(row -> row.path("owner").asText().equals("runtimes")
                        && row.path("name").asText().equals(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no " + name + " in " + rows));
    }

    /** A number of what native memory tracking tells of some memory that was mapped. */
    private static long tracked(String told, String what, String amount) {
        Matcher found = Pattern.compile("-\\s+" + what + " \\([^-]*?mmap: [^)]*?" + amount + "=([0-9]+)")
                .matcher(told);
        assertThat(found.find()).as("%s in %s", what, told).isTrue();
        return Long.parseLong(found.group(1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"-XX:+UseG1GC", "-XX:+UseSerialGC"})
    void tellsTheMemoryOfAJvm(String collector) throws Exception {
        Grandchild process = java(collector);
        try {
            List<JsonNode> rows = memory(process);
            String told = jcmd(process, "VM.native_memory", "summary", "scale=b");
            for (String[] same : new String[][] {
                {"JVM heap", "Java Heap"},
                {"JVM code cache", "Code"},
                {"JVM metaspace", "Metaspace"},
                {"JVM metaspace, classes", "Class"}
            }) {
                JsonNode owner = owner(rows, same[0]);
                assertThat(owner.get("mapped_bytes").longValue())
                        .as(same[0])
                        .isEqualTo(tracked(told, same[1], "reserved"));
                assertThat(owner.get("resident_bytes").longValue())
                        .as(same[0])
                        .isPositive()
                        .isLessThanOrEqualTo(tracked(told, same[1], "committed"));
            }
            assertThat(owner(rows, "JVM heap").get("resident_bytes").longValue())
                    .isGreaterThan(200 * 100_000);
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void forecastsWhatATrimOfAJvmGivesBack() throws Exception {
        Grandchild process = java("-XX:+UseSerialGC");
        try {
            // So that what a command leaves behind is there before.
            jcmd(process, "VM.version");
            long forecast = memory(process).stream()
                    .mapToLong(row -> row.path("trim_bytes").longValue())
                    .sum();
            String told = jcmd(process, "System.trim_native_heap");
            Matcher given = Pattern.compile("\\(-([0-9]+)([KM])\\)").matcher(told);
            assertThat(given.find()).as(told).isTrue();
            long bytes = Long.parseLong(given.group(1)) << (given.group(2).equals("K") ? 10 : 20);
            // It tells thousands of units: the last one may be cut off.
            assertThat((double) forecast).as(told).isCloseTo(bytes, withinPercentage(2));
        } finally {
            process.destroyForcibly();
        }
    }

    static List<Node> nodes() {
        List<Node> nodes = Node.all();
        if (nodes.isEmpty()) {
            ThisMachine.leavesOut("the heap of V8 in memory", "no Node.js, and sid is left out");
        }
        return nodes;
    }

    /** Objects are kept, others become garbage: V8 gives back some of its memory, and keeps some for later. */
    private static final String V8_PROGRAM = """
            const fs = require('fs');
            const v8 = require('v8');
            const kept = [];
            for (let i = 0; i < 200000; i++) kept.push({ number: i, text: 'x' + i });
            global.kept = kept;
            global.large = new Array(300000).fill(1.5);
            const tell = () => fs.writeSync(1, JSON.stringify({ heap: v8.getHeapStatistics().total_heap_size }) + '\\n');
            process.stdin.on('data', (word) => {
                if (String(word).startsWith('waste')) {
                    let waste = [];
                    for (let i = 0; i < 500000; i++) waste.push({ number: i, text: 'x' + i, list: [1, 2, 3] });
                    for (let i = 0; i < 20; i++) waste.push(new Array(100000).fill(0));
                    waste = null;
                    gc();
                }
                tell();
            });
            gc();
            tell();
            """;

    private static long heap(Grandchild process, String word) throws IOException {
        process.getOutputStream().write((word + "\n").getBytes(StandardCharsets.US_ASCII));
        process.getOutputStream().flush();
        return new ObjectMapper()
                .readTree(process.inputReader().readLine())
                .get("heap")
                .longValue();
    }

    @ParameterizedTest(allowZeroInvocations = true)
    @MethodSource("nodes")
    void tellsTheHeapOfV8(Node node) throws Exception {
        Grandchild process = Grandchild.start(
                new ProcessBuilder(node.command("--expose-gc", "--single-threaded", "-e", V8_PROGRAM)));
        try {
            assertThat(process.inputReader().readLine()).startsWith("{");
            for (String word : List.of("tell", "waste", "waste", "tell")) {
                long before = heap(process, word);
                List<JsonNode> rows = memory(process);
                long after = heap(process, "tell");
                // It also collects garbage, and gives memory back, when it has nothing to do for a while.
                for (int i = 0; before != after && i < 20; i++) {
                    before = after;
                    rows = memory(process);
                    after = heap(process, "tell");
                }
                JsonNode heap = owner(rows, "V8 heap");
                assertThat(heap.get("mapped_bytes").longValue())
                        .as("after %s", word)
                        .isEqualTo(before);
                assertThat(heap.get("resident_bytes").longValue())
                        .isGreaterThan(200_000 * 40)
                        .isLessThanOrEqualTo(before);
            }
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void tellsTheHeapOfAGoProgram() throws Exception {
        Optional<Path> go = program("gojq");
        if (go.isEmpty()) {
            ThisMachine.leavesOut("the heap of Go in memory", "no gojq");
            return;
        }
        Grandchild process = Grandchild.start(new ProcessBuilder(go.get().toString(), "."));
        try {
            // It has read this much, and waits for more.
            OutputStream out = process.getOutputStream();
            out.write("[1]".repeat(10_000).getBytes(StandardCharsets.US_ASCII));
            out.flush();
            assertThat(process.inputReader().readLine()).isEqualTo("[");
            List<JsonNode> rows = memory(process);
            long mapped = Files.readAllLines(Path.of("/proc/%d/maps".formatted(process.pid()))).stream()
                    .filter(line -> line.startsWith("c0"))
                    .map(line -> line.split("[- ]"))
                    .mapToLong(ends -> Long.parseLong(ends[1], 16) - Long.parseLong(ends[0], 16))
                    .sum();
            assertThat(owner(rows, "Go heap").get("mapped_bytes").longValue()).isEqualTo(mapped);
            assertThat(owner(rows, "Go runtime").get("resident_bytes").longValue())
                    .isPositive();
        } finally {
            process.destroyForcibly();
        }
    }

    private static Optional<Path> program(String name) {
        return Stream.of("/usr/bin", "/usr/local/bin")
                .map(folder -> Path.of(folder, name))
                .filter(Files::isExecutable)
                .findFirst();
    }

    @Test
    void tellsTheMemoryOfGcc() throws Exception {
        Path compiler = Path.of(Run.of(new ProcessBuilder("gcc", "-print-prog-name=cc1"))
                .exited(0)
                .text()
                .strip());
        Grandchild process = Grandchild.start(new ProcessBuilder(
                "sh", "-c", "echo begun; exec \"$1\" -quiet -o /dev/null -", "sh", compiler.toString()));
        try {
            assertThat(process.inputReader().readLine()).isEqualTo("begun");
            // More than a pipe holds, so that it has begun to read when this is written, and waits for more.
            OutputStream out = process.getOutputStream();
            for (int i = 0; i < 4_000; i++) {
                out.write("int f%d(int a) { return a * %d; }\n".formatted(i, i).getBytes(StandardCharsets.US_ASCII));
                out.flush();
            }
            JsonNode collector = owner(memory(process), "GCC's collector");
            assertThat(collector.get("mapped_bytes").longValue()).isPositive();
        } finally {
            process.destroyForcibly();
        }
    }
}
