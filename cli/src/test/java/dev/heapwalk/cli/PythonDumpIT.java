// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What a dump of a Python process tells, where it goes, and what is left when something comes in between. */
final class PythonDumpIT {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static final Pattern LEFT =
            Pattern.compile("heapwalk: the dump was cut at --max-bytes 1M: ([0-9,]+) objects "
                    + "were written, and at least ([0-9,]+) are left\n");

    @TempDir
    private Path folder;

    /** The oldest and the newest; the model's tests run on all. */
    static List<Python> pythons() {
        List<Python> all = Python.debian();
        return Stream.of(all.getFirst(), all.getLast()).distinct().toList();
    }

    private static PythonProcess start(Python python) throws IOException {
        return PythonProcess.of(python).script("dump.py").start();
    }

    private static String pid(PythonProcess process) {
        return Long.toString(process.pid());
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static List<String> heapwalk(String... words) {
        List<String> line =
                new ArrayList<>(List.of(Run.checkout().resolve("bin/heapwalk").toString()));
        line.addAll(List.of(words));
        return line;
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void tellsWhatTheProgramTells(Python python) throws Exception {
        try (PythonProcess process = start(python)) {
            List<byte[]> dumps = new ArrayList<>();
            List<String> truth = process.askStopped("dump", () -> {
                dumps.add(Run.heapwalk("python", "dump", pid(process)).exited(0).out());
                Path core = Cores.gcore(process, folder);
                Run run = Run.heapwalk(
                                "python",
                                "dump",
                                core.toString(),
                                "--sysroot",
                                python.root().toString())
                        .exited(0);
                dumps.add(run.out());
            });
            PythonDumpLines dump = PythonDumpLines.of(dumps.getFirst());
            PythonDumpLines core = PythonDumpLines.of(dumps.getLast());
            assertThat(dump.dangling()).isEmpty();
            assertThat(dump.all()).hasSizeGreaterThan(20_000);
            assertThat(dump.all().values()).noneMatch(line -> line.has("damage"));
            assertThat(dump.first().get("format").intValue()).isEqualTo(1);
            assertThat(dump.first().get("version").textValue()).startsWith(python.version() + ".");
            assertThat(truth).hasSizeGreaterThan(110);
            for (String said : truth) {
                JsonNode expected = JSON.readTree(said);
                JsonNode line = dump.all().get(expected.get("id").textValue());
                assertThat(line).as(said).isNotNull();
                for (String key :
                        List.of("module", "name", "val", "base64", "file", "line", "code", "self", "object")) {
                    if (expected.has(key)) {
                        assertThat(line.get(key)).as("%s of %s", key, line).isEqualTo(expected.get(key));
                    }
                }
            }
            // Nothing ran in between.
            assertThat(core.all().equals(dump.all())).isTrue();
        }
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void filesAndPipesHaveTheSameLines(Python python) throws Exception {
        try (PythonProcess process = start(python)) {
            byte[] plain =
                    Run.heapwalk("python", "dump", pid(process)).exited(0).out();
            PythonDumpLines lines = PythonDumpLines.of(plain);
            assertThat(lines.dangling()).isEmpty();
            for (String name : List.of("dump.json", "dump.json.gz")) {
                Path file = Files.writeString(folder.resolve(name), "what was there before");
                Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-rw-"));
                Run run = Run.heapwalk("python", "dump", pid(process), "-o", file.toString())
                        .exited(0);
                assertThat(run.out()).isEmpty();
                String said = "heapwalk: %,d objects, %,d bytes in "
                        .formatted(lines.all().size(), plain.length);
                assertThat(run.err())
                        .matches("(heapwalk: notice: .*MADV_WIPEONFORK.*\n)?" + said
                                + "[0-9.]+ s; the process stood still for [0-9.]+ s.*\n");
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                        .isEqualTo("rw-------");
                assertThat(PythonDumpLines.bytes(file)).isEqualTo(plain);
            }
            assertThat(files()).containsExactly("dump.json", "dump.json.gz");
            assertThat(Files.size(folder.resolve("dump.json.gz"))).isLessThan(plain.length / 2);
            String heapwalk = String.join(" ", heapwalk("python", "dump", pid(process)));
            Run piped = Run.of(new ProcessBuilder("bash", "-c", heapwalk + " -o - | cat"));
            assertThat(piped.exited(0).out()).isEqualTo(plain);
            // A reader that leaves is no failure.
            Run left = Run.of(new ProcessBuilder("bash", "-c", heapwalk + " | head -c 100; exit ${PIPESTATUS[0]}"))
                    .exited(0);
            assertThat(left.out()).hasSize(100);
            assertThat(left.err())
                    .doesNotContain("Broken", "\tat ")
                    .matches("heapwalk: [0-9,]+ objects, [0-9,]+ bytes, of which [0-9,]+ were taken, in .*\n");
        }
    }

    /** What has room is there in whole lines, and the error stream says what is not; bytes before gzip count. */
    @ParameterizedTest
    @MethodSource("pythons")
    void limitIsKeptAndTold(Python python) throws Exception {
        try (PythonProcess process = start(python)) {
            String whole =
                    Run.heapwalk("python", "dump", pid(process)).exited(0).text();
            long objects = whole.lines().count() - 1;
            long variables = whole.lines()
                    .filter(line -> line.contains("\"static\":true"))
                    .count();
            int most = 1 << 20;
            for (String name : List.of("cut.json", "cut.json.gz", "-")) {
                Path file = folder.resolve(name);
                Run run = Run.heapwalk(
                                "python",
                                "dump",
                                pid(process),
                                "--max-bytes=1M",
                                "-o",
                                name.equals("-") ? name : file.toString())
                        .exited(3);
                byte[] written = name.equals("-") ? run.out() : PythonDumpLines.bytes(file);
                assertThat(written.length).isBetween(most - 100_000, most);
                assertThat(whole).startsWith(new String(written, StandardCharsets.UTF_8));
                int some = PythonDumpLines.of(written).all().size();
                Matcher left = LEFT.matcher(run.err());
                assertThat(left.find()).as(run.err()).isTrue();
                assertThat(left.group(1)).isEqualTo("%,d".formatted(some));
                // Variables are found only when another line has referred to them.
                assertThat(Long.parseLong(left.group(2).replace(",", "")))
                        .isBetween(objects - some - variables, objects - some);
                assertThat(run.err()).contains("heapwalk: %,d objects, %,d bytes in ".formatted(some, written.length));
            }
            assertThat(process.ask("secrets")).hasSize(2);
        }
        Run none = Run.heapwalk("python", "dump", "demo", "--max-bytes=1").exited(3);
        assertThat(none.err()).contains("the dump was cut at --max-bytes 1: 0 objects were written, and at least ");
        assertThat(none.out()).isEmpty();
    }

    @Test
    void sizesThatAreNone() {
        for (String size : List.of("0", "-1", "", "1T", "K", "1.5M", "99999999999999999999", "0x10")) {
            Run.heapwalk("python", "dump", "demo", "--max-bytes=" + size)
                    .exited(2)
                    .said("--max-bytes must be a number of bytes above zero");
        }
        Run.heapwalk("python", "dump", "demo", "--max-string=all")
                .exited(2)
                .said("--max-string must be a number of bytes");
        Run.heapwalk("python", "dump", "demo", "--max-copy=all").exited(2).said("--max-copy must be a number of bytes");
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void whatIsRedactedIsNowhere(Python python) throws Exception {
        try (PythonProcess process = start(python)) {
            List<String> said = process.ask("secrets");
            String secret = said.getFirst();
            String name = said.getLast();
            PythonDumpLines whole = PythonDumpLines.of(
                    Run.heapwalk("python", "dump", pid(process)).exited(0).out());
            String holder = whole.all().values().stream()
                    .filter(line -> line.path("type").asText().equals("list")
                            && line.path("val").path(0).asText().equals(secret))
                    .findFirst()
                    .orElseThrow()
                    .get("id")
                    .textValue();
            for (String[] command : new String[][] {
                {"python", "dump", pid(process)},
                {"python", "show", pid(process), holder},
                {"python", "show", pid(process), holder, "--format=jsonl"}
            }) {
                List<String> line = new ArrayList<>(List.of(command));
                assertThat(Run.heapwalk(command).exited(0).text())
                        .as(line.toString())
                        .contains(secret);
                line.add("--redact");
                assertThat(Run.heapwalk(line.toArray(String[]::new)).exited(0).text())
                        .as(line.toString())
                        .doesNotContain(secret);
            }
            assertThat(Run.heapwalk("python", "roots", pid(process), "--redact")
                            .exited(0)
                            .text())
                    .doesNotContain(secret);
            String redacted = Run.heapwalk("python", "dump", pid(process), "--redact")
                    .exited(0)
                    .text();
            assertThat(redacted).contains("\"redacted\":true", "\"" + name + "\"", "\"hmac_sha256\":\"");
            assertThat(PythonDumpLines.of(redacted.getBytes(StandardCharsets.UTF_8))
                            .dangling())
                    .isEmpty();
        }
    }

    /** Threads make and drop objects all the while: each line is JSON, and what is torn is told by the status. */
    @ParameterizedTest
    @MethodSource("pythons")
    void dumpsOfAProgramThatIsBusy(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("churn");
            int whole = 0;
            for (int i = 0; i < 3; i++) {
                boolean stop = i == 1;
                Path file = folder.resolve("dump" + i + ".json");
                Run run = Run.heapwalk(
                        "python", "dump", pid(process), "-o", file.toString(), "--mode", stop ? "stop" : "observe");
                assertThat(run.err()).doesNotContain("internal error", "\tat ", "Damage[");
                assertThat(run.status()).as(run.err()).isIn(0, 3);
                byte[] written = PythonDumpLines.bytes(file);
                PythonDumpLines lines =
                        stop && run.status() == 0 ? PythonDumpLines.of(written) : PythonDumpLines.torn(written);
                assertThat(lines.all()).hasSizeGreaterThan(10_000);
                if (stop) {
                    assertThat(lines.dangling()).isEmpty();
                    whole += run.status() == 0 ? 1 : 0;
                } else if (run.status() == 0) {
                    assertThat(lines.all().values()).noneMatch(line -> line.has("damage"));
                }
            }
            System.out.println("dumps of a busy Python that were whole: " + whole + " of 1");
            assertThat(process.ask("evaluate 6 * 7")).containsExactly("42");
        }
    }

    /** However the command ends, there is a whole file or none, and the process runs on, also where it stood still. */
    @ParameterizedTest
    @CsvSource({"INT,dump.json,--max-copy=0", "INT,dump.json.gz,--max-copy=1G", "KILL,dump.json,--max-copy=0"})
    void noHalfFileIsLeft(String signal, String name, String option) throws Exception {
        try (PythonProcess process = PythonProcess.of(Python.trixie()).start()) {
            process.ask("fill 100000");
            for (int millis = 300; millis <= 1_500; millis += 300) {
                Path file = folder.resolve(name);
                Files.deleteIfExists(file);
                // A shell lets children in the background ignore SIGINT; this one does not.
                Process dump = new ProcessBuilder(
                                heapwalk("python", "dump", option, "-o", file.toString(), pid(process)))
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
                if (!dump.waitFor(millis, TimeUnit.MILLISECONDS)) {
                    new ProcessBuilder("kill", "-" + signal, Long.toString(dump.pid()))
                            .start()
                            .waitFor();
                    dump.waitFor();
                }
                if (Files.exists(file)) {
                    assertThat(PythonDumpLines.of(PythonDumpLines.bytes(file)).all())
                            .hasSizeGreaterThan(100_000);
                }
                List<String> left = new ArrayList<>(files());
                left.remove(name);
                if (signal.equals("KILL")) {
                    assertThat(left).allMatch(other -> other.matches("\\." + name + "\\.\\d+\\.part"));
                } else {
                    assertThat(left).isEmpty();
                }
                assertThat(process.ask("evaluate 6 * 7")).containsExactly("42");
            }
        }
    }
}
