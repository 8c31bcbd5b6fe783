// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rows are printed while others are still being found. In interpreted code that takes long enough to be watched. */
final class LiveIT {
    private static LedgerProcess many;
    private static String pid;

    @BeforeAll
    static void start() throws IOException {
        many = LedgerProcess.of(Release.HOST, "many").option("count", 40_000).start();
        pid = Long.toString(many.pid());
    }

    @AfterAll
    static void end() throws IOException {
        assertThat(many.check()).isPositive();
        many.close();
    }

    private static Process slowly(String... arguments) throws IOException {
        List<String> line =
                new ArrayList<>(List.of(Run.checkout().resolve("bin/heapwalk").toString()));
        line.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(line);
        builder.environment().put("HEAPWALK_JAVA_OPTIONS", "-Xint");
        return builder.start();
    }

    private static boolean traced() throws IOException {
        return !Files.readString(Path.of("/proc", pid, "status")).contains("TracerPid:\t0\n");
    }

    private static List<String> firstLines(BufferedReader out, int count) throws IOException {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            lines.add(out.readLine());
        }
        return lines;
    }

    @ParameterizedTest
    @ValueSource(strings = {"table", "jsonl"})
    void firstRowsComeWhileTheProcessIsRead(String format) throws Exception {
        List<String> whole =
                Run.heapwalk("all", "--format", format, pid).exited(0).lines();
        Process walk = slowly("all", "--format", format, pid);
        try (BufferedReader out = walk.inputReader(StandardCharsets.UTF_8)) {
            List<String> first = firstLines(out, 12);
            assertThat(traced()).as("it is still being read").isTrue();
            assertThat(first).containsExactlyElementsOf(whole.subList(0, 12));
            List<String> rest = out.lines().toList();
            assertThat(walk.waitFor()).isZero();
            assertThat(rest).hasSize(whole.size() - 12);
            if (format.equals("table")) {
                // Columns are as wide as the first rows need.
                assertThat(rest.stream().map(LiveIT::words).toList())
                        .isEqualTo(whole.stream().skip(12).map(LiveIT::words).toList());
            } else {
                assertThat(rest).isEqualTo(whole.subList(12, whole.size()));
            }
        } finally {
            walk.destroyForcibly().waitFor();
        }
    }

    private static String words(String line) {
        return line.replaceAll(" +", " ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"used", "arena"})
    void nobodyWaitsForTheRestOnceTheReaderHasGone(String command) throws Exception {
        List<String> line = new ArrayList<>(List.of(command));
        if (command.equals("arena")) {
            line.add("0");
        }
        line.add(pid);
        Process walk = slowly(line.toArray(String[]::new));
        try {
            try (BufferedReader out = walk.inputReader(StandardCharsets.UTF_8)) {
                firstLines(out, 4);
                assertThat(traced()).as("it is still being read").isTrue();
            }
            long begun = System.nanoTime();
            while (traced()) {
                Thread.sleep(5);
            }
            long toRunning = System.nanoTime() - begun;
            assertThat(walk.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(walk.exitValue()).isZero();
            assertThat(new String(walk.getErrorStream().readAllBytes(), StandardCharsets.UTF_8))
                    .isEmpty();
            if (command.equals("used")) {
                assertThat(toRunning).isLessThan(wholeWalk(line) / 2);
            }
        } finally {
            walk.destroyForcibly().waitFor();
        }
    }

    /** How long the process is read from the first rows on, in nanoseconds, if somebody wants all. */
    private static long wholeWalk(List<String> line) throws Exception {
        Process walk = slowly(line.toArray(String[]::new));
        try (BufferedReader out = walk.inputReader(StandardCharsets.UTF_8)) {
            firstLines(out, 4);
            long begun = System.nanoTime();
            while (traced()) {
                Thread.sleep(5);
            }
            long took = System.nanoTime() - begun;
            out.lines().forEach(row -> {});
            assertThat(walk.waitFor()).isZero();
            return took;
        } finally {
            walk.destroyForcibly().waitFor();
        }
    }

    /** Who does not read keeps nobody waiting, and gets all in the end. */
    @Test
    void slowReaderDoesNotHoldTheProcess() throws Exception {
        Process walk = slowly("used", "--format=csv", pid);
        try (BufferedReader out = walk.inputReader(StandardCharsets.UTF_8)) {
            firstLines(out, 1);
            long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (traced() && System.nanoTime() < until) {
                Thread.sleep(20);
            }
            assertThat(traced()).isFalse();
            assertThat(walk.isAlive()).isTrue();
            long rows = out.lines().count();
            assertThat(rows)
                    .isEqualTo(Run.heapwalk("used", "--format=csv", pid).lines().size() - 1);
            assertThat(walk.waitFor()).isZero();
        } finally {
            walk.destroyForcibly().waitFor();
        }
    }

    @Test
    void eachProcessOfANameEndsWithTheReader() throws Exception {
        String name = "hw" + Long.toString(ProcessHandle.current().pid(), 36) + "live";
        try (KnownProcess one = KnownProcess.start("well", name);
                KnownProcess other = KnownProcess.start("well", name)) {
            Run run = Run.of(new ProcessBuilder(
                    "bash",
                    "-c",
                    "set -o pipefail; \"$0\" used --all $1 | head -n 2",
                    Run.checkout().resolve("bin/heapwalk").toString(),
                    name));
            assertThat(run.exited(0).lines()).hasSize(2);
            assertThat(run.lines().getFirst()).startsWith("process ");
            assertThat(run.err()).isEmpty();
            assertThat(one.alive() && other.alive()).isTrue();
        }
    }
}
