// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Where a dump goes, and what is left when something comes in between. */
final class RubyDumpFileIT {
    @TempDir
    private Path folder;

    /** Nothing here changes it. */
    private static RubyProcess process;

    @BeforeAll
    static void start() throws IOException {
        process = RubyProcess.of(Ruby.TRIXIE, "every_type").start();
    }

    @AfterAll
    static void end() {
        process.close();
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"dump.json", "dump.json.gz"})
    void fileIsWholeAndForItsOwnerAlone(String name) throws IOException {
        String pid = Long.toString(process.pid());
        Path file = folder.resolve(name);
        Files.writeString(file, "what was there before");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-rw-"));
        Run run = Run.heapwalk("ruby", "dump", pid, "-o", file.toString()).exited(0);
        assertThat(files()).containsExactly(name);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        HeapDumpLines lines = HeapDumpLines.of(file);
        assertThat(run.err())
                .startsWith("heapwalk: %,d objects, ".formatted(lines.all().size()));
        Run stdout = Run.heapwalk("ruby", "dump", pid).exited(0);
        assertThat(HeapDumpLines.of(new ByteArrayInputStream(stdout.out()), "id")
                        .all())
                .isEqualTo(lines.all());
        Run dash = Run.heapwalk("ruby", "dump", "-o", "-", pid).exited(0);
        assertThat(dash.out()).isEqualTo(stdout.out());
    }

    @Test
    void mongoGetsItsOwnId() throws IOException {
        Run run = Run.heapwalk("ruby", "dump", Long.toString(process.pid()), "--mongo", "--verbose")
                .exited(0);
        assertThat(run.err())
                .containsPattern(
                        "heapwalk: stopped for [0-9.]+ ms(, in which it forked a copy)?; from opening to closing the target [0-9.]+ ms, printing ")
                .doesNotContain("taken");
        HeapDumpLines lines = HeapDumpLines.of(new ByteArrayInputStream(run.out()), "_id");
        assertThat(lines.all()).hasSizeGreaterThan(10_000);
        assertThat(lines.all().values())
                .allMatch(line -> line.fieldNames().next().equals("_id") && !line.has("id"));
    }

    /** What has room is there in whole lines, and the error stream says what is not; bytes before gzip count. */
    @ParameterizedTest
    @ValueSource(strings = {"", "--mongo", "--format=objectspace", "--reachable"})
    void limitIsKeptAndTold(String option) throws IOException {
        String pid = Long.toString(process.pid());
        List<String> options = option.isEmpty() ? List.of() : List.of(option);
        int most = 1 << 20;
        byte[] plain = null;
        for (String name : List.of("cut.json", "cut.json.gz", "-")) {
            Path file = folder.resolve(name);
            List<String> line = new ArrayList<>(List.of("ruby", "dump", pid, "--max-bytes", "1M"));
            line.addAll(options);
            line.addAll(List.of("-o", name.equals("-") ? name : file.toString()));
            Run run = Run.heapwalk(line.toArray(String[]::new)).exited(3);
            byte[] written = name.equals("-") ? run.out() : Files.readAllBytes(file);
            if (name.endsWith(".gz")) {
                assertThat(written.length).isLessThan(most / 2);
                try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(written))) {
                    written = in.readAllBytes();
                }
            }
            assertThat(written.length).isBetween(most - 100_000, most);
            assertThat(written[written.length - 1]).isEqualTo((byte) '\n');
            List<JsonNode> rows = new Run(0, written, "").rows();
            long objects = rows.stream()
                    .filter(row -> row.has("bt")
                            || row.has("address")
                                    && !row.get("type").textValue().equals("SHAPE"))
                    .count();
            assertThat(run.err())
                    .containsPattern(
                            "heapwalk: the dump was cut at --max-bytes 1M: %,d of at most [0-9,]+ objects were written\n"
                                    .formatted(objects))
                    .containsPattern("heapwalk: %,d objects, %,d bytes in ".formatted(objects, written.length));
            assertThat(plain == null ? written : plain).isEqualTo(written);
            plain = written;
        }
        assertThat(process.ask("eval 6 * 7")).containsExactly("42");
    }

    @Test
    void sizesThatAreNone() {
        for (String size : List.of("0", "-1", "", "1T", "K", "1.5M", "99999999999999999999", "9999999999G", "0x10")) {
            Run.heapwalk("ruby", "dump", "demo", "--max-bytes=" + size)
                    .exited(2)
                    .said("--max-bytes must be a number of bytes above zero");
        }
        Run.heapwalk("ruby", "dump", Long.toString(process.pid()), "--max-bytes=8G", "-o", "/dev/null")
                .exited(0);
        Run none = Run.heapwalk("ruby", "dump", Long.toString(process.pid()), "--max-bytes=1")
                .exited(3);
        assertThat(none.err())
                .contains("the dump was cut at --max-bytes 1: 0 of at most ", "heapwalk: 0 objects, 0 bytes in ");
        assertThat(none.out()).isEmpty();
    }

    /** The longest String of the program has 5,000,000 bytes. */
    @Test
    void longTextIsCutUnlessTold() throws IOException {
        String pid = Long.toString(process.pid());
        for (String size : List.of("-1", "", "1T", "K", "all", "9999999999G")) {
            Run.heapwalk("ruby", "dump", "demo", "--max-string=" + size)
                    .exited(2)
                    .said("--max-string must be a number of bytes, such as 0");
        }
        List<JsonNode> lines = Run.heapwalk("ruby", "dump", pid).exited(0).rows();
        assertThat(lines.getFirst().get("format").intValue()).isEqualTo(1);
        assertThat(lines.getFirst().get("max_string").intValue()).isEqualTo(65_536);
        JsonNode cut = lines.stream()
                .filter(line -> line.path("bytesize").asInt() == 5_000_000)
                .findFirst()
                .orElseThrow();
        String text = "long ".repeat(1_000_000);
        assertThat(cut.get("val").textValue()).isEqualTo(text.substring(0, 65_536));
        // As sha256sum of coreutils says.
        assertThat(cut.get("sha256").textValue())
                .isEqualTo("90c33547efbfea80b97c94ce0f425dea22d9a0a3146ac8ffb50120eebff3b54e");
        String id = cut.get("id").textValue();
        assertThat(Run.heapwalk("ruby", "show", pid, id).exited(0).rows().getFirst())
                .isEqualTo(cut);
        JsonNode whole = Run.heapwalk("ruby", "show", pid, id, "--max-string=8M")
                .exited(0)
                .rows()
                .getFirst();
        assertThat(whole.get("val").textValue()).isEqualTo(text);
        assertThat(whole.has("sha256")).isFalse();
        // As much as a cut line needs is enough for it, and a whole one has no room.
        Run.heapwalk("ruby", "dump", pid, "--max-string=100", "--max-bytes=" + (4L << 30), "-o", "/dev/null")
                .exited(0);
        for (String[] options : new String[][] {{}, {"--max-string=7"}}) {
            List<String> line = new ArrayList<>(List.of("ruby", "dump", pid, "--format=objectspace"));
            line.addAll(List.of(options));
            JsonNode own = Run.heapwalk(line.toArray(String[]::new)).exited(0).rows().stream()
                    .filter(row -> row.path("address").asText().equals(id))
                    .findFirst()
                    .orElseThrow();
            assertThat(own.get("value").textValue()).isEqualTo(options.length == 0 ? text : text.substring(0, 7));
            assertThat(own.path("sha256").asText())
                    .isEqualTo(options.length == 0 ? "" : cut.get("sha256").textValue());
        }
    }

    @Test
    void whatIsRedactedIsNowhere() throws IOException {
        try (RubyProcess own = RubyProcess.of(Ruby.TRIXIE, "every_type").start()) {
            own.ask("eval $told = 'gehe' + 'im'; $again = 'gehe' + 'im'; $symbol = ('gehe' + 'im symbol').to_sym;"
                    + " $thread = Thread.new { |told_argument| Thread.current.name = $told + ' name';"
                    + " told_local = $told + ' local'; same = $told.dup; symbol = $symbol; sleep; told_local };"
                    + " sleep 0.1 until $thread.stop?; 0");
            String pid = Long.toString(own.pid());
            String id = own.ask("eval Target.address($thread)").getFirst();
            for (String[] command : new String[][] {
                {"ruby", "dump", pid},
                {"ruby", "dump", pid, "--format=objectspace"},
                {"ruby", "show", pid, id},
                {"ruby", "roots", pid},
                {"ruby", "roots", pid, "--format=jsonl"},
                {"ruby", "threads", pid},
                {"ruby", "threads", pid, "--format=jsonl"}
            }) {
                List<String> line = new ArrayList<>(List.of(command));
                assertThat(Run.heapwalk(command).exited(0).text())
                        .as(line.toString())
                        .contains("geheim");
                line.add("--redact");
                Run redacted = Run.heapwalk(line.toArray(String[]::new)).exited(0);
                assertThat(redacted.text()).as(line.toString()).doesNotContain("geheim");
            }
            List<String> shown =
                    Run.heapwalk("ruby", "threads", pid, "--redact").exited(0).lines();
            assertThat(shown)
                    .anyMatch(line -> line.matches("thread 0x[0-9a-f]+ \\(11 bytes, hmac_sha256 [0-9a-f]{16}\\): .*"))
                    .anyMatch(line -> line.matches(
                            " +local told_local = #<String 0x[0-9a-f]+ of 12 bytes, hmac_sha256 [0-9a-f]{16}>"))
                    .anyMatch(line -> line.matches(
                            " +local symbol = #<Symbol 0x[0-9a-f]+ of 13 bytes, hmac_sha256 [0-9a-f]{16}>"));
        }
    }

    @Test
    void placesThatCanNotBeWritten() {
        String pid = Long.toString(ProcessHandle.current().pid());
        Run.heapwalk("ruby", "dump", pid, "-o", folder.toString())
                .exited(1)
                .said("can't write", folder.toString(), "folder");
        Run.heapwalk("ruby", "dump", pid, "-o", folder.resolve("none/dump").toString())
                .exited(1)
                .said("can't write", "no such folder");
        Run.heapwalk("ruby", "dump", pid, "--mongo", "--format=objectspace")
                .exited(2)
                .said("--mongo is for --format heap_dump");
        Run full = Run.heapwalk("ruby", "dump", "demo", "-o", "/dev/full").exited(1);
        assertThat(full.err())
                .contains("heapwalk: can't write /dev/full: No space left on device")
                .doesNotContain("\tat ");
        Run.heapwalk("ruby", "dump", "demo", "-o", "/dev/null").exited(0);
    }

    /** What the shell has opened and a pipe are written where they are. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "-o /dev/stdout > result",
                "-o /dev/stderr 2>&1 > /dev/null | grep '^{' > result",
                "-o /dev/fd/7 7> result",
                "-o /proc/self/fd/1 | cat > result",
                "-o >(cat > result; touch done); while [ ! -e done ]; do sleep 0.1; done",
                "-o link > result",
                "-o pipe & cat pipe > result; wait $!"
            })
    void writtenInPlace(String words) throws Exception {
        new ProcessBuilder("mkfifo", folder.resolve("pipe").toString()).start().waitFor();
        Files.createSymbolicLink(folder.resolve("link"), Path.of("/dev/fd/1"));
        shell("ruby dump " + process.pid() + " " + words).exited(0);
        byte[] plain = Run.heapwalk("ruby", "dump", Long.toString(process.pid()))
                .exited(0)
                .out();
        assertThat(folder.resolve("result")).hasBinaryContent(plain);
        assertThat(files()).noneMatch(file -> file.endsWith(".part"));
    }

    /** It begins where the one before has ended, and the next one goes on behind it. */
    @Test
    void standardOutputGoesOnWhereItIs() throws IOException {
        byte[] plain = Run.heapwalk("ruby", "dump", Long.toString(process.pid()))
                .exited(0)
                .out();
        shell("{ echo head; \"$heapwalk\" ruby dump " + process.pid() + " -o /dev/stdout; echo tail; } > around")
                .exited(0);
        String around = Files.readString(folder.resolve("around"));
        assertThat(around).isEqualTo("head\n" + new String(plain, StandardCharsets.UTF_8) + "tail\n");
    }

    private Run shell(String line) {
        String heapwalk = Run.checkout().resolve("bin/heapwalk").toString();
        ProcessBuilder builder =
                new ProcessBuilder("bash", "-c", line.startsWith("{") ? line : "\"$heapwalk\" " + line);
        builder.environment().put("heapwalk", heapwalk);
        return Run.of(builder.directory(folder.toFile()));
    }

    @Test
    void descriptorsThatCanNotBeWritten() {
        Run.heapwalk("ruby", "dump", Long.toString(process.pid()), "-o", "/dev/fd/98765")
                .exited(1)
                .said("there is no such descriptor");
        shell("ruby dump " + process.pid() + " -o /dev/fd/0 < /dev/null")
                .exited(1)
                .said("descriptor 0 is not open to write");
        // What the JVM has opened for itself.
        shell("ruby dump " + process.pid() + " -o /dev/fd/3").exited(1).said("can't write /dev/fd/3");
        Run left = shell("ruby dump " + process.pid() + " -o >(head -c 100 > /dev/null)")
                .exited(0);
        assertThat(left.err()).doesNotContain("Broken", "\tat ");
    }

    /** Before the target is touched. */
    @Test
    void linksOfOthersAreRefused() throws IOException {
        if (!Racer.possible("a dump by a link of another user")) {
            return;
        }
        String pid = Long.toString(process.pid());
        Path victim = Files.writeString(folder.resolve("victim"), "victim");
        Path link = Files.createSymbolicLink(folder.resolve("link"), victim);
        Path dangling = Files.createSymbolicLink(folder.resolve("dangling"), folder.resolve("none"));
        for (Path theirs : List.of(link, dangling)) {
            Files.setAttribute(theirs, "unix:uid", 65534, LinkOption.NOFOLLOW_LINKS);
            Run.heapwalk("ruby", "dump", pid, "-o", theirs.toString())
                    .exited(4)
                    .said("can't write " + theirs, "is a symbolic link of another user");
            Files.setAttribute(theirs, "unix:uid", 0, LinkOption.NOFOLLOW_LINKS);
        }
        assertThat(victim).hasContent("victim");
        Run.heapwalk("ruby", "dump", pid, "-o", link.toString()).exited(0);
        Run.heapwalk("ruby", "dump", pid, "-o", dangling.toString()).exited(0);
        assertThat(files()).containsExactly("dangling", "link", "none", "victim");
        assertThat(victim).hasSameBinaryContentAs(folder.resolve("none"));
        assertThat(link).isSymbolicLink();
    }

    @ParameterizedTest
    @EnumSource(Racer.Way.class)
    void anotherUserCanNotTurnItElsewhere(Racer.Way way) throws IOException {
        if (!Racer.possible("another user's attacks on dumps")) {
            return;
        }
        try (Racer racer = Racer.start(folder, way)) {
            for (int round = 0; round < 10; round++) {
                Run run = Run.heapwalk(
                        "ruby",
                        "dump",
                        Long.toString(process.pid()),
                        "-o",
                        racer.wanted().toString());
                assertThat(run.status()).as(run.err()).isIn(0, 1, 4);
                assertThat(run.err()).doesNotContain("internal error", "\tat ");
                racer.checkVictims();
            }
        }
    }

    /** A reader that leaves is no failure, and one that does not read keeps nobody waiting. */
    @Test
    void closedPipeEndsQuietly() throws Exception {
        Run run = Run.of(new ProcessBuilder(
                "sh",
                "-c",
                Run.checkout().resolve("bin/heapwalk") + " ruby dump " + process.pid()
                        + " | head -c 100; exit ${PIPESTATUS:-0}"));
        assertThat(run.out()).hasSize(100);
        assertThat(run.err())
                .doesNotContain("Broken", "\tat ")
                .matches("heapwalk: [0-9,]+ objects, [0-9,]+ bytes, of which [0-9,]+ were taken, in .*\n");
        Process stuck = new ProcessBuilder(
                        Run.checkout().resolve("bin/heapwalk").toString(), "ruby", "dump", Long.toString(process.pid()))
                .start();
        try {
            assertThat(stuck.getInputStream().read()).isEqualTo('{');
            // It still writes, and the process runs on.
            assertThat(process.ask("eval 1 + 1")).containsExactly("2");
            assertThat(stuck.isAlive()).isTrue();
        } finally {
            stuck.destroyForcibly().waitFor();
        }
    }

    /** However the command ends, there is a whole file or none, and the process runs on. */
    @ParameterizedTest
    @CsvSource({"KILL,dump.json", "KILL,dump.json.gz", "INT,dump.json", "TERM,dump.json.gz"})
    void noHalfFileIsLeft(String signal, String name) throws Exception {
        for (int millis = 150; millis <= 1_500; millis += 150) {
            Path file = folder.resolve(name);
            Files.deleteIfExists(file);
            // A shell lets children in the background ignore SIGINT; this one does not.
            Process dump = new ProcessBuilder(
                            Run.checkout().resolve("bin/heapwalk").toString(),
                            "ruby",
                            "dump",
                            "-o",
                            file.toString(),
                            Long.toString(process.pid()))
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            if (!dump.waitFor(millis, TimeUnit.MILLISECONDS)) {
                new ProcessBuilder("kill", "-" + signal, Long.toString(dump.pid()))
                        .start()
                        .waitFor();
                dump.waitFor();
            }
            if (Files.exists(file)) {
                assertThat(HeapDumpLines.of(file).all()).hasSizeGreaterThan(10_000);
            }
            List<String> left = new ArrayList<>(files());
            left.remove(name);
            if (signal.equals("KILL")) {
                assertThat(left).allMatch(other -> other.matches("\\." + name + "\\.\\d+\\.part"));
            } else {
                assertThat(left).isEmpty();
            }
            assertThat(process.ask("eval 6 * 7")).containsExactly("42");
        }
    }

    static List<Ruby> rubies() {
        return Ruby.all();
    }

    /** Threads allocate all the while: every line is JSON, and a stopped process is told to be consistent or not. */
    @ParameterizedTest
    @MethodSource("rubies")
    void dumpsOfAProcessThatAllocates(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "churn").argument(2).start()) {
            String pid = Long.toString(process.pid());
            for (int i = 0; i < 8; i++) {
                Path file = folder.resolve("dump" + i + ".json");
                boolean stop = i % 2 == 0;
                Run run = Run.heapwalk(
                        "ruby",
                        "dump",
                        pid,
                        "-o",
                        file.toString(),
                        "--mode",
                        stop ? "stop" : "observe",
                        "--format",
                        i % 4 < 2 ? "heap_dump" : "objectspace");
                assertThat(run.err()).doesNotContain("internal error", "\tat ");
                if (stop) {
                    assertThat(run.status()).as(run.err()).isIn(0, 3);
                    if (run.status() == 3 && !run.err().contains("a garbage collection was running")) {
                        // A thread may have been stopped where it had begun to make an object, but no more than one a
                        // thread.
                        assertThat(run.err().lines().filter(line -> line.startsWith("heapwalk: problem")))
                                .hasSizeLessThan(5);
                    }
                } else {
                    assertThat(run.status()).as(run.err()).isIn(0, 3, 4);
                }
                if (run.status() != 4) {
                    parsed(file, i % 4 < 2, stop && run.status() == 0);
                }
                Run.heapwalk("ruby", "count", pid, "--mode", stop ? "stop" : "observe", "Node");
                Run threads = Run.heapwalk("ruby", "threads", pid, "--mode", stop ? "stop" : "observe");
                assertThat(threads.err()).doesNotContain("internal error", "\tat ");
            }
            assertThat(Long.parseLong(process.ask("check").getFirst())).isPositive();
        }
    }

    private static void parsed(Path file, boolean heapDump, boolean consistent) throws IOException {
        if (heapDump) {
            HeapDumpLines lines = consistent ? HeapDumpLines.of(file) : HeapDumpLines.torn(file);
            assertThat(lines.all()).hasSizeGreaterThan(10_000);
            assertThat(lines.all().values().stream().anyMatch(line -> line.has("damage")) && consistent)
                    .isFalse();
            return;
        }
        List<JsonNode> rows = new Run(0, Files.readAllBytes(file), "").rows();
        assertThat(rows)
                .hasSizeGreaterThan(10_000)
                .allMatch(row -> row.has("address") || row.has("root") || row.has("id"));
    }
}
