// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands label, log and diff: states are kept over commands, also over those that are killed. */
final class HistoryIT {
    private static final int KILLS = 5;

    private static final String MANY = """
            #include <stdlib.h>
            #include <unistd.h>

            int main(void) {
                for (int i = 0; i < 300000; i++) ((volatile char *)malloc(1 + i * 7919u % 500))[0] = 1;
                write(1, "READY\\n", 6);
                char c;
                return read(0, &c, 1);
            }
            """;

    @TempDir
    private Path folder;

    private static List<String> labels(Path file) {
        return Run.heapwalk("log", file.toString(), "--format", "jsonl").rows().stream()
                .map(row -> row.get("label").textValue())
                .toList();
    }

    private ProcessBuilder launched(String... arguments) {
        List<String> line =
                new ArrayList<>(List.of(Run.checkout().resolve("bin/heapwalk").toString()));
        line.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(line)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().put("XDG_STATE_HOME", folder.resolve("state").toString());
        return builder;
    }

    @Test
    void eachProcessHasAFileOfItsOwn() throws Exception {
        try (KnownProcess known = KnownProcess.start();
                KnownProcess other = KnownProcess.start()) {
            for (KnownProcess one : List.of(known, other)) {
                assertThat(launched("label", one.pid(), "first").start().waitFor())
                        .isZero();
            }
            Path states = folder.resolve("state/heapwalk");
            try (Stream<Path> files = Files.list(states)) {
                assertThat(files).hasSize(2).allSatisfy(file -> {
                    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                            .isEqualTo("rw-------");
                    assertThat(labels(file)).containsExactly("first");
                });
            }
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(states)))
                    .isEqualTo("rwx------");
            // The second one of a name is refused, and so are names that mean something else.
            assertThat(launched("label", known.pid(), "first").start().waitFor())
                    .isEqualTo(2);
            Run.heapwalk("label", known.pid(), "current").exited(2).said("NAME must be");
        }
    }

    @Test
    void isWholeWheneverACommandIsKilled() throws Exception {
        Process many = new ProcessBuilder(CProgram.compile("many", MANY).toString()).start();
        try {
            assertThat(many.getInputStream().read()).isEqualTo('R');
            Path file = folder.resolve("states");
            String pid = Long.toString(many.pid());
            Run.heapwalk("label", pid, "first", "--history", file.toString()).exited(0);
            List<String> kept = new ArrayList<>(List.of("first"));
            for (int i = 0; i < KILLS; i++) {
                long before = Files.size(file);
                Process writing = launched("label", pid, "killed" + i, "--history", file.toString())
                        .start();
                // As soon as it writes, or a little later.
                while (writing.isAlive() && Files.size(file) == before) {
                    Thread.onSpinWait();
                }
                Thread.sleep(3L * i);
                writing.destroyForcibly().waitFor();
                List<String> now = labels(file);
                // It is there, or it is not; and what was there before is.
                assertThat(now).startsWith(kept.toArray(String[]::new)).hasSizeLessThanOrEqualTo(kept.size() + 1);
                kept = new ArrayList<>(now);
                assertThat(Run.heapwalk("diff", file.toString(), "first", now.getLast())
                                .status())
                        .isIn(0, 3);
            }
            Run.heapwalk("label", pid, "last", "--history", file.toString()).status();
            kept.add("last");
            assertThat(labels(file)).isEqualTo(kept);
            assertThat(Run.heapwalk("log", file.toString()).exited(0).err()).isEmpty();
            Run same = Run.heapwalk("diff", file.toString(), "first", "last", "--format", "jsonl");
            JsonNode blocks = same.exited(0).rows().stream()
                    .filter(row -> row.path("change").asText().equals("same"))
                    .findFirst()
                    .orElseThrow();
            assertThat(blocks.get("blocks").longValue()).isGreaterThanOrEqualTo(300_000);
            // Blocks of a million would take less than 20 MB.
            assertThat(Files.size(file)).isLessThan(6_000_000L * (kept.size() + 1));
        } finally {
            many.destroyForcibly().waitFor();
        }
    }

    @Test
    void severalMayWriteAtATime() throws Exception {
        try (KnownProcess known = KnownProcess.start();
                KnownProcess second = KnownProcess.start()) {
            Path file = folder.resolve("states");
            List<Process> all = new ArrayList<>();
            for (KnownProcess one : List.of(known, second)) {
                all.add(launched("label", one.pid(), "of" + one.pid(), "--history", file.toString())
                        .start());
            }
            for (Process one : all) {
                assertThat(one.waitFor()).isZero();
            }
            assertThat(labels(file)).containsExactlyInAnyOrder("of" + known.pid(), "of" + second.pid());
        }
    }

    @Test
    void comparesCoresAndSavedStates() throws IOException {
        try (LedgerProcess process =
                LedgerProcess.of(Release.debian().getLast(), "threads").start()) {
            Path first = Cores.gcore(process, Files.createDirectory(folder.resolve("first")));
            Path states = folder.resolve("states");
            Run.heapwalk("label", first.toString(), "first", "--history", states.toString())
                    .exited(0);
            Run.heapwalk("label", Long.toString(process.pid()), "second", "--history", states.toString())
                    .exited(0);
            // Nothing happened between them.
            for (List<String> line : List.of(
                    List.of("diff", first.toString(), first.toString()),
                    List.of("diff", states.toString()),
                    List.of("diff", states.toString(), "second", "first"),
                    List.of("diff", first.toString(), "first", "--history", states.toString()),
                    List.of("diff", Long.toString(process.pid()), "--history", states.toString()),
                    List.of("diff", first.toString(), states.toString()))) {
                List<String> all = new ArrayList<>(line);
                all.addAll(List.of("--format", "jsonl"));
                for (JsonNode row :
                        Run.heapwalk(all.toArray(String[]::new)).exited(0).rows()) {
                    assertThat(row.has("change")).as("%s: %s", line, row).isTrue();
                    assertThat(row.get("blocks").longValue() > 0)
                            .isEqualTo(row.get("change").textValue().equals("same"));
                }
            }
        }
    }

    @Test
    void saysWhatIsNotThere() throws IOException {
        try (KnownProcess known = KnownProcess.start()) {
            Path file = folder.resolve("states");
            String[] where = {"--history", file.toString()};
            Run.heapwalk("diff", known.pid(), where[0], where[1]).exited(2).said("there is no labelled state");
            assertThat(Run.heapwalk("log", known.pid(), where[0], where[1])
                            .exited(0)
                            .err())
                    .contains("notice: there is no labelled state");
            Run.heapwalk("log", known.pid(), "--delete", "x", where[0], where[1])
                    .exited(2)
                    .said("there is no state 'x'");
            assertThat(file).doesNotExist();
            Run.heapwalk("label", known.pid(), "one", where[0], where[1]).exited(0);
            Run.heapwalk("diff", known.pid(), "two", where[0], where[1])
                    .exited(2)
                    .said("those that it has are one");
            Run.heapwalk("diff", file.toString()).exited(2).said("has only one state");
            byte[] bytes = Files.readAllBytes(file);
            bytes[19] = 9;
            Files.write(file, bytes);
            Run.heapwalk("log", file.toString()).exited(4).said("newer heapwalk");
            Run.heapwalk("label", known.pid(), "two", where[0], where[1])
                    .exited(4)
                    .said("newer heapwalk");
            Path other = Files.writeString(folder.resolve("other"), "text");
            Run.heapwalk("label", known.pid(), "two", where[0], other.toString())
                    .exited(4)
                    .said("no history");
            Run.heapwalk("label", known.pid(), "two", where[0], "/proc/self/none")
                    .exited(1);
            assertThat(known.alive()).isTrue();
        }
    }

    private Run log(KnownProcess known, String... more) {
        List<String> line =
                new ArrayList<>(List.of(Run.checkout().resolve("bin/heapwalk").toString(), "log", known.pid()));
        line.addAll(List.of(more));
        ProcessBuilder builder = new ProcessBuilder(line);
        builder.environment().put("XDG_STATE_HOME", folder.resolve("state").toString());
        return Run.of(builder);
    }

    private static Path backdated(Path file, int days) throws IOException {
        return Files.setLastModifiedTime(
                file, FileTime.from(Instant.now().minus(Duration.ofDays(days)).minusSeconds(60)));
    }

    @Test
    void whatIsKeptOfEndedProcessesIsDeletedAfterAWhile() throws Exception {
        Path states = folder.resolve("state/heapwalk");
        try (KnownProcess lasting = KnownProcess.start()) {
            List<Path> ended = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                try (KnownProcess known = KnownProcess.start()) {
                    assertThat(launched("label", known.pid(), "one").start().waitFor())
                            .isZero();
                    try (Stream<Path> files = Files.list(states)) {
                        ended.add(files.filter(file -> !ended.contains(file))
                                .findFirst()
                                .orElseThrow());
                    }
                }
            }
            assertThat(launched("label", lasting.pid(), "first").start().waitFor())
                    .isZero();
            Path own;
            try (Stream<Path> files = Files.list(states)) {
                own = files.filter(file -> !ended.contains(file)).findFirst().orElseThrow();
            }
            // What is no file of a process, and what has another's name as its beginning.
            Path other = backdated(Files.writeString(states.resolve("shell.history"), "heap"), 99);
            Path core = backdated(Files.write(states.resolve("core-12ab-4711"), Files.readAllBytes(own)), 99);
            backdated(own, 99);
            backdated(ended.get(0), 30);
            backdated(ended.get(1), 29);
            assertThat(log(lasting).exited(0).err()).contains("states of 3 processes that have ended");
            assertThat(launched("label", lasting.pid(), "second").start().waitFor())
                    .isZero();
            try (Stream<Path> files = Files.list(states)) {
                assertThat(files).containsExactlyInAnyOrder(own, other, core, ended.get(1), ended.get(2));
            }
            assertThat(labels(own)).containsExactly("first", "second");
            // Two at once, while a third one keeps a state.
            ProcessBuilder deleting = launched("log", lasting.pid(), "--delete-ended");
            List<Process> all = List.of(
                    deleting.start(),
                    deleting.start(),
                    launched("label", lasting.pid(), "third").start());
            for (Process one : all) {
                assertThat(one.waitFor()).isZero();
            }
            try (Stream<Path> files = Files.list(states)) {
                assertThat(files).containsExactlyInAnyOrder(own, other, core);
            }
            assertThat(labels(own)).containsExactly("first", "second", "third");
            assertThat(log(lasting).exited(0).err()).doesNotContain("ended");
        }
    }
}
