// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Runs each example as its user would, on a process whose behaviour is known, from jars that came out of a repository.
 */
class ExamplesTest {
    private static final Pattern GROWTH =
            Pattern.compile(".*: (\\d+) of (\\d+) samples taken, (\\d+) torn; this one lacks ([0-9,]+) of ([0-9,]+) bytes");

    /** Every stack that busy.rb can have, in whatever Ruby: labels have a class since 3.4. */
    private static final Pattern STACK = Pattern.compile("(<main>(;(Kernel#)?loop(;block in <main>(;(Tally#)?(?<method>hot|cold)(;(Tally#)?spend"
            + "(;(Integer#)?times(;block in (Tally#)?spend(;block in (Tally#)?\\k<method>(;(Tally#)?step)?)?)?)?)?)?)?)?"
            + "(;(Integer#|Float#)?[-+*%<]|;(Process\\.)?clock_gettime)?|\\(none\\))");

    @TempDir
    Path folder;

    /** How Java finds the library. */
    enum Linked {
        CLASS_PATH,
        MODULE_PATH;

        List<String> command(String main) {
            List<String> jars = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                    .filter(entry -> entry.matches(".*/dev/heapwalk/.*\\.jar"))
                    .toList();
            assertThat(jars).as("the library comes from jars").hasSizeGreaterThanOrEqualTo(3);
            String path = "target/classes" + File.pathSeparator + String.join(File.pathSeparator, jars);
            String java = System.getProperty("java.home") + "/bin/java";
            String name = "dev.heapwalk.examples." + main;
            return this == CLASS_PATH
                    ? List.of(java, "--enable-native-access=ALL-UNNAMED", "--illegal-native-access=deny", "-cp", path, name)
                    : List.of(java, "--enable-native-access=dev.heapwalk.memory", "--illegal-native-access=deny",
                            "-p", path, "-m", "dev.heapwalk.examples/" + name);
        }

        String run(String main, Object... arguments) throws IOException, InterruptedException {
            List<String> line = new ArrayList<>(command(main));
            Arrays.stream(arguments).map(Object::toString).forEach(line::add);
            Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
            assertThat(process.exitValue()).as(output).isZero();
            return output;
        }
    }

    private Path resource(String name) throws IOException {
        Path file = folder.resolve(name);
        try (InputStream in = ExamplesTest.class.getResourceAsStream(name)) {
            Files.copy(in, file);
        }
        return file;
    }

    private static Process start(String... command) throws IOException {
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        BufferedReader reader = process.inputReader();
        assertThat(reader.readLine()).isEqualTo("READY");
        return process;
    }

    private static long number(String text) {
        return Long.parseLong(text.replace(",", "").replace("+", ""));
    }

    private String compiled(String name) throws IOException, InterruptedException {
        String program = folder.resolve(name).toString();
        Path source = resource(name + ".c");
        assertThat(new ProcessBuilder("gcc", "-O1", "-o", program, source.toString()).inheritIO().start().waitFor()).isZero();
        return program;
    }

    @ParameterizedTest
    @EnumSource(Linked.class)
    void orderBookSaysWhatTheProgramSaysItself(Linked linked) throws Exception {
        Process target = start(compiled("orders"));
        try {
            StringBuilder own = new StringBuilder();
            for (int line = 0; line < 7; line++) {
                own.append(target.inputReader().readLine()).append('\n');
            }
            assertThat(linked.run("OrderBook", target.pid())).isEqualTo(own.toString());
            assertThat(target.isAlive()).isTrue();
        } finally {
            target.destroyForcibly().waitFor();
        }
    }

    @ParameterizedTest
    @EnumSource(Linked.class)
    void growthProfilerFindsWhatGrows(Linked linked) throws Exception {
        Process target = start(compiled("leak"));
        try {
            String output = linked.run("GrowthProfiler", target.pid(), 200, 3);
            System.out.println(output);
            String[] blocks = output.strip().split("\n\n");
            String[] last = blocks[blocks.length - 1].split("\n");
            Matcher head = GROWTH.matcher(last[0]);
            assertThat(head.matches()).as(last[0]).isTrue();
            assertThat(Integer.parseInt(head.group(1))).isGreaterThan(3);
            assertThat(Integer.parseInt(head.group(2))).isBetween(Integer.parseInt(head.group(1)), 15);
            // What was allocated after the end of the heap was read, on a busy machine.
            assertThat(number(head.group(4))).as("left out of the last sample").isLessThan(number(head.group(5)) / 10);
            // A block of 1,000 bytes is a chunk of 1,008, of which 1,000 are made a second.
            assertThat(last[2]).startsWith("uncategorized 1008 bytes");
            String[] columns = last[2].substring(36).strip().split(" +");
            assertThat((double) number(columns[3])).as("bytes a second").isCloseTo(1_008_000, within(400_000.0));
            // What stays does not grow, and of what comes and goes there are 64 at most.
            for (String line : last) {
                assertThat(line).doesNotStartWith("uncategorized 112 bytes");
                if (line.startsWith("uncategorized 320 bytes")) {
                    assertThat(number(line.substring(36).strip().split(" +")[1])).isLessThanOrEqualTo(64);
                }
            }
            assertThat(target.isAlive()).isTrue();
        } finally {
            target.destroyForcibly().waitFor();
        }
    }

    @ParameterizedTest
    @EnumSource(Linked.class)
    void rubyProfilerTellsWhereTimeGoes(Linked linked) throws Exception {
        Process target = start("ruby", resource("busy.rb").toString());
        Path output = folder.resolve("profile");
        try {
            String printed = linked.run("RubyProfiler", target.pid(), output, 1000, 3);
            System.out.println(printed);
            assertThat(printed).matches("(?s)\\d+ of 3000 samples taken, \\d+ stacks, \\d+ torn \\([0-9.]+ %\\)\n.*");
            assertThat(target.isAlive()).isTrue();
        } finally {
            target.destroyForcibly().waitFor();
        }
        Map<String, Long> byMethod = new HashMap<>();
        List<String> ofTwoMoments = new ArrayList<>();
        long mixed = 0;
        long total = 0;
        for (String line : Files.readAllLines(Path.of(output + ".collapsed"))) {
            long count = Long.parseLong(line.substring(line.lastIndexOf(' ') + 1));
            String stack = line.substring(0, line.lastIndexOf(' '));
            total += count;
            Matcher matcher = STACK.matcher(stack);
            if (!matcher.matches()) {
                ofTwoMoments.add(line);
                mixed += count;
            } else if (matcher.group("method") != null) {
                byMethod.merge(matcher.group("method"), count, Long::sum);
            }
        }
        assertThat(total).isGreaterThan(100);
        // A frame that was left and entered again between all looks can't be told from one that stayed.
        assertThat(mixed / (double) total).as("share of stacks of two moments: " + ofTwoMoments).isLessThan(0.05);
        double hot = byMethod.getOrDefault("hot", 0L);
        double cold = byMethod.getOrDefault("cold", 0L);
        assertThat((hot + cold) / total).as("share of the samples that show either").isGreaterThan(0.95);
        // On a busy machine the program waits for a processor now in the one, now in the other, and many samples show
        // the same moment.
        assertThat(hot / (hot + cold)).as("share of hot").isCloseTo(0.75, within(0.15));
        checkSpeedscope(new ObjectMapper().readTree(Path.of(output + ".speedscope.json").toFile()), total);
    }

    /** What the format's schema demands of a file with one sampled profile. */
    private static void checkSpeedscope(JsonNode file, long total) {
        assertThat(file.get("$schema").asText()).isEqualTo("https://www.speedscope.app/file-format-schema.json");
        JsonNode frames = file.get("shared").get("frames");
        assertThat(frames.size()).isPositive();
        for (JsonNode frame : frames) {
            assertThat(frame.get("name").isTextual()).isTrue();
            assertThat(frame.path("file").isTextual() || frame.path("file").isMissingNode()).isTrue();
            assertThat(frame.path("line").isInt() || frame.path("line").isMissingNode()).isTrue();
        }
        assertThat(file.get("profiles").size()).isEqualTo(1);
        JsonNode profile = file.get("profiles").get(0);
        assertThat(profile.get("type").asText()).isEqualTo("sampled");
        assertThat(profile.get("name").isTextual()).isTrue();
        assertThat(profile.get("unit").asText()).isIn("none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes");
        assertThat(profile.get("startValue").isNumber()).isTrue();
        JsonNode samples = profile.get("samples");
        JsonNode weights = profile.get("weights");
        assertThat(samples.size()).isEqualTo(weights.size()).isPositive();
        double sum = 0;
        for (int i = 0; i < samples.size(); i++) {
            for (JsonNode frame : samples.get(i)) {
                assertThat(frame.isInt()).isTrue();
                assertThat(frame.asInt()).isBetween(0, frames.size() - 1);
            }
            assertThat(weights.get(i).isNumber()).isTrue();
            sum += weights.get(i).asDouble();
        }
        assertThat(sum).isCloseTo(total / 1000.0, within(1e-6));
        assertThat(profile.get("endValue").asDouble()).isCloseTo(sum, within(1e-6));
    }
}
