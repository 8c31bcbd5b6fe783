// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the word TARGET stands for. */
final class NamesIT {
    /** No other process is called so; the kernel keeps 15 characters. */
    private static final String NAME =
            "hw" + Long.toString(ProcessHandle.current().pid(), 36) + "named";

    @TempDir
    private Path folder;

    @Test
    void nameOfOneProcessStandsForIt() throws IOException {
        try (KnownProcess known = KnownProcess.start("well", NAME)) {
            for (String command : List.of("used", "sizes", "arenas")) {
                assertThat(Run.heapwalk(command, NAME).exited(0).text())
                        .isEqualTo(Run.heapwalk(command, known.pid()).exited(0).text());
            }
            String address = known.address("string");
            assertThat(Run.heapwalk("hexdump", address, NAME).exited(0).text())
                    .isEqualTo(Run.heapwalk("hexdump", NAME, address).exited(0).text())
                    .contains("the text of");
            // A part of a name is none, but it is worth a question.
            Run.heapwalk("used", NAME.substring(0, NAME.length() - 1))
                    .exited(2)
                    .said("no process is called so", "did you mean " + known.pid() + " (" + NAME + ")");
        }
        Run.heapwalk("used", NAME).exited(2).said("'" + NAME + "'", "no process is called so");
    }

    /** The kernel's own name of a process has 15 characters at most; that of its file may be longer. */
    @Test
    void nameOfAFileStandsForWhatRunsIt() throws IOException {
        Path program = Files.copy(KnownProcess.program(), folder.resolve(NAME + "-of-a-service"));
        assertThat(program.toFile().setExecutable(true)).isTrue();
        try (KnownProcess known = KnownProcess.start(List.of(program.toString(), "well", "other"))) {
            String name = program.getFileName().toString();
            assertThat(Run.heapwalk("sizes", name).exited(0).text())
                    .isEqualTo(Run.heapwalk("sizes", known.pid()).exited(0).text());
            Files.delete(program);
            Run.heapwalk("sizes", name).exited(0);
        }
    }

    @Test
    void fileGoesBeforeAName() throws Exception {
        try (KnownProcess known = KnownProcess.start("well", NAME)) {
            Files.writeString(folder.resolve(NAME), "no core");
            ProcessBuilder there = new ProcessBuilder(
                            Run.checkout().resolve("bin/heapwalk").toString(), "sizes", NAME)
                    .directory(folder.toFile());
            Run.of(there).exited(4).said("no ELF file");
            assertThat(known.alive()).isTrue();
        }
    }

    @Test
    void severalProcessesAreListedOrEachIsRead() throws IOException {
        try (KnownProcess one = KnownProcess.start("well", NAME);
                KnownProcess other = KnownProcess.start("damaged", NAME)) {
            Run refused = Run.heapwalk("used", NAME).exited(2);
            assertThat(refused.out()).isEmpty();
            assertThat(refused.err().lines()).hasSize(2 + 2).allMatch(line -> line.startsWith("heapwalk: "));
            assertThat(refused.err()).contains("2 processes are called '" + NAME + "'", "--all");
            for (KnownProcess each : List.of(one, other)) {
                String resident = Files.readAllLines(Path.of("/proc", each.pid(), "status")).stream()
                        .filter(line -> line.startsWith("VmRSS"))
                        .findFirst()
                        .orElseThrow()
                        .replaceAll("[^0-9]", "");
                assertThat(refused.err())
                        .containsPattern(" " + each.pid()
                                + " +%.1f MiB  \\S+known".formatted(Long.parseLong(resident) / 1024.0));
            }
            // What is written of one process only says so.
            for (List<String> words : List.of(List.of("ruby", "dump", NAME), List.of("ruby", "show", NAME, "0x10"))) {
                Run single = Run.heapwalk(words.toArray(String[]::new)).exited(2);
                assertThat(single.err())
                        .contains("2 processes are called", "ruby " + words.get(1) + "' takes one at a time", one.pid())
                        .doesNotContain("--all");
                assertThat(single.err().lines()).hasSize(2 + 2);
            }

            // The worst of 0 and 3.
            Run table = Run.heapwalk("sizes", "--all", NAME).exited(3);
            assertThat(table.err()).contains("problem at");
            String first = Run.heapwalk("sizes", one.pid()).text();
            String second = Run.heapwalk("sizes", other.pid()).text();
            boolean inOrder = Long.parseLong(one.pid()) < Long.parseLong(other.pid());
            String firstPart = "process " + one.pid() + ": " + KnownProcess.program() + " well " + NAME + "\n" + first;
            String secondPart =
                    "process " + other.pid() + ": " + KnownProcess.program() + " damaged " + NAME + "\n" + second;
            assertThat(table.text()).isEqualTo(inOrder ? firstPart + "\n" + secondPart : secondPart + "\n" + firstPart);
            for (String command : List.of("used", "sizes", "arenas", "summary")) {
                Run json =
                        Run.heapwalk(command, "--all", "--format=jsonl", NAME).exited(3);
                for (KnownProcess each : List.of(one, other)) {
                    String prefix = "{\"pid\":" + each.pid() + ",";
                    assertThat(json.lines().stream()
                                    .filter(line -> line.startsWith(prefix))
                                    .map(line -> "{" + line.substring(prefix.length())))
                            .containsExactlyElementsOf(Run.heapwalk(command, "--format=jsonl", each.pid())
                                    .lines());
                }
                List<String> csv = Run.heapwalk(command, "--all", "--format=csv", NAME)
                        .exited(3)
                        .lines();
                assertThat(csv.getFirst()).startsWith("pid,");
                assertThat(csv).hasSize(json.lines().size() + 1);
                assertThat(csv.stream().skip(1)).allMatch(line -> line.matches("[0-9]+,.*"));
            }
        }
    }

    /** Each command of Ruby that answers in rows, objects or text. */
    @Test
    void eachRubyOfANameIsRead() throws IOException {
        Ruby ruby = Ruby.all().getFirst();
        // In the folder that it sees as /tmp. It calls prctl(PR_SET_NAME).
        Path named = Files.createTempFile(ruby.root().resolve("tmp"), "named", ".rb");
        Files.writeString(named, "syscall(157, 15, \"" + NAME + "\")\n");
        String option = "-r/tmp/" + named.getFileName();
        try (RubyProcess one = RubyProcess.of(ruby, "frames").option(option).start();
                RubyProcess other =
                        RubyProcess.of(ruby, "frames").option(option).start()) {
            List<String> pids = LongStream.of(one.pid(), other.pid())
                    .sorted()
                    .mapToObj(Long::toString)
                    .toList();
            for (List<String> words : List.of(
                    List.of("count"), List.of("threads", "--format=jsonl"), List.of("info", "--format=jsonl"))) {
                List<String> alone = new ArrayList<>();
                for (String pid : pids) {
                    ruby(words, pid)
                            .exited(0)
                            .lines()
                            .forEach(line -> alone.add("{\"pid\":" + pid + "," + line.substring(1)));
                }
                Run all = ruby(words, "--all", NAME).exited(0);
                assertThat(all.lines()).isEqualTo(alone);
                assertThat(all.rows().stream()
                                .map(row -> row.get("pid").asText())
                                .distinct())
                        .containsExactlyElementsOf(pids);
                assertThat(ruby(words, NAME).exited(2).err())
                        .contains("2 processes are called '" + NAME + "'", "--all");
            }
            StringBuilder text = new StringBuilder();
            for (String pid : pids) {
                String line = Files.readString(Path.of("/proc", pid, "cmdline"))
                        .replace('\0', ' ')
                        .strip();
                text.append(text.isEmpty() ? "" : "\n").append("process " + pid + ": " + line + "\n");
                text.append(ruby(List.of("threads"), pid).exited(0).text());
            }
            assertThat(ruby(List.of("threads"), "--all", NAME).exited(0).text()).isEqualTo(text.toString());
        } finally {
            Files.delete(named);
        }
    }

    private static Run ruby(List<String> words, String... more) {
        return Run.heapwalk(Stream.of(Stream.of("ruby"), words.stream(), Stream.of(more))
                .flatMap(all -> all)
                .toArray(String[]::new));
    }

    @Test
    void allIsForNames() throws IOException {
        try (KnownProcess known = KnownProcess.start("well", NAME)) {
            Run.heapwalk("sizes", "--all", known.pid()).exited(2).said("--all is for the name of processes");
            assertThat(Run.heapwalk("sizes", "--all", NAME).exited(0).lines().getFirst())
                    .startsWith("process " + known.pid());
            Run.heapwalk("sizes", "--all", "no-such-name").exited(2).said("'no-such-name'");
        }
    }
}
