// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A dump of a process that is stopped is written of what was copied meanwhile, while the process runs on. */
final class RubyDumpCopyIT {
    private static final Pattern TIMES = Pattern.compile(
            " in ([0-9.]+) s; the process stood still for ([0-9.]+) s, and a copy of it took [0-9.]+ MiB");

    /** On a loaded machine a process may get no processor for a while, whoever holds it. */
    private static final int TRIES = 10;

    @TempDir
    private Path folder;

    static List<Ruby> rubies() {
        return Ruby.all();
    }

    private Run dump(RubyProcess process, String name, String... options) {
        List<String> line = new ArrayList<>(List.of(
                "ruby",
                "dump",
                Long.toString(process.pid()),
                "--mode",
                "stop",
                "-o",
                folder.resolve(name).toString()));
        line.addAll(List.of(options));
        return Run.heapwalk(line.toArray(String[]::new));
    }

    /** What the script keeps writing is of one moment, and it goes on with that while the dump is written. */
    @ParameterizedTest
    @MethodSource("rubies")
    void showsOneMomentAndLetsTheProcessRunOn(Ruby ruby) throws IOException {
        try (RubyProcess process =
                RubyProcess.of(ruby, "moments").argument(60_000).start()) {
            boolean ranOn = false;
            for (int i = 0; i < TRIES && !ranOn; i++) {
                process.ask("gap");
                long before = number(process);
                Run run = dump(process, "dump.json").exited(0);
                double gap = Double.parseDouble(process.ask("gap").getFirst());
                long after = number(process);
                List<Long> numbers = numbers(HeapDumpLines.of(folder.resolve("dump.json")));
                assertThat(numbers).hasSize(4 * 500);
                assertThat(numbers.getFirst()).isBetween(before, after);
                for (int j = 1; j < numbers.size(); j++) {
                    assertThat(numbers.get(j - 1) - numbers.get(j)).isBetween(0L, 1L);
                }
                assertThat(numbers.getFirst() - numbers.getLast()).isBetween(0L, 1L);
                Matcher times = TIMES.matcher(run.err());
                assertThat(times.find()).as(run.err()).isTrue();
                ranOn = gap < Double.parseDouble(times.group(1)) / 2;
            }
            assertThat(ranOn).as("it ran for most of the time").isTrue();
        }
    }

    private static long number(RubyProcess process) throws IOException {
        return Long.parseLong(process.ask("number").getFirst());
    }

    /** What the cells hold, in the order in which it is written. */
    private static List<Long> numbers(HeapDumpLines dump) {
        TreeMap<Integer, JsonNode> cells = new TreeMap<>();
        for (JsonNode line : dump.all().values()) {
            JsonNode variables = line.path("ivs");
            if (line.path("bt").asText().equals("T_OBJECT") && variables.has("@index") && variables.has("@map")) {
                cells.put(variables.get("@index").intValue(), variables);
            }
        }
        List<Long> numbers = new ArrayList<>();
        for (JsonNode cell : cells.values()) {
            numbers.add(cell.get("@number").longValue());
            numbers.add(Long.parseLong(
                    dump.at(cell.get("@text").textValue()).get("val").textValue()));
            numbers.add(
                    dump.at(cell.get("@list").textValue()).get("val").get(20).longValue());
            numbers.add(dump.at(cell.get("@map").textValue())
                    .get("val")
                    .get(":number")
                    .longValue());
        }
        return numbers;
    }

    /** Every byte is the same, whether the process stands still meanwhile, runs on, or ends as soon as it runs. */
    @ParameterizedTest
    @CsvSource({"heap_dump, ''", "heap_dump, --reachable", "objectspace, ''", "objectspace, --reachable"})
    void saysTheSameOfACopy(String format, String option) throws Exception {
        String[] options =
                option.isEmpty() ? new String[] {"--format", format} : new String[] {"--format", format, option};
        try (RubyProcess process =
                RubyProcess.of(Ruby.TRIXIE, "stdlib").argument(20_000).start()) {
            List<String> still = new ArrayList<>(List.of(options));
            still.addAll(List.of("--max-copy", "0"));
            Run wholly = dump(process, "still", still.toArray(String[]::new)).exited(0);
            assertThat(wholly.err()).doesNotContain("copy");
            byte[] expected = Files.readAllBytes(folder.resolve("still"));

            still.set(still.size() - 1, "1M");
            Run tooLarge =
                    dump(process, "too-large", still.toArray(String[]::new)).exited(0);
            assertThat(tooLarge.err())
                    .containsPattern(
                            "heapwalk: notice: process %d \\(.*\\) has [0-9,]+ bytes in memory, and a copy of it may have"
                                            .formatted(process.pid())
                                    + " 1,048,576, so it stands still until the dump is written")
                    .doesNotContain("took");
            assertThat(Files.readAllBytes(folder.resolve("too-large"))).isEqualTo(expected);

            assertThat(dump(process, "copied", options).exited(0).err()).containsPattern(TIMES);
            assertThat(Files.readAllBytes(folder.resolve("copied"))).isEqualTo(expected);

            boolean killed = false;
            for (int i = 0; i < TRIES && !killed; i++) {
                CompletableFuture<Run> last = CompletableFuture.supplyAsync(() -> dump(process, "last", options));
                killed = kill(process.pid(), last);
                assertThat(ended(last).exited(0).err()).containsPattern(TIMES);
                assertThat(Files.readAllBytes(folder.resolve("last"))).isEqualTo(expected);
            }
            assertThat(killed).as("it was seen to run on").isTrue();
        }
    }

    private static Run ended(CompletableFuture<Run> run) throws InterruptedException {
        try {
            return run.get();
        } catch (ExecutionException e) {
            throw new AssertionError(e);
        }
    }

    /**
     * Ends a process as soon as somebody who traced it does so no more.
     *
     * @return whether that was seen; a short stop may pass unseen
     */
    private static boolean kill(long pid, CompletableFuture<Run> reader) throws IOException {
        for (boolean wanted : new boolean[] {true, false}) {
            while (traced(pid) != wanted) {
                if (reader.isDone()) {
                    return false;
                }
                Thread.onSpinWait();
            }
        }
        ProcessHandle.of(pid).orElseThrow().destroyForcibly();
        return true;
    }

    private static boolean traced(long pid) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + pid + "/status"), StandardCharsets.ISO_8859_1).stream()
                .anyMatch(line -> line.startsWith("TracerPid:") && !line.endsWith("\t0"));
    }

    @Test
    void theStopIsCutShortWhileItCopies() throws IOException {
        try (RubyProcess process =
                RubyProcess.of(Ruby.TRIXIE, "stdlib").argument(500_000).start()) {
            // Who watches over the stop may get a processor only when all has been copied.
            Run run = dump(process, "cut", "--max-stop", "0.0001");
            for (int i = 0; i < TRIES && run.status() == 0; i++) {
                Files.delete(folder.resolve("cut"));
                run = dump(process, "cut", "--max-stop", "0.0001");
            }
            assertThat(run.status()).as(run.err()).isEqualTo(4);
            run.said("has been stopped for 0.0001 s");
            assertThat(folder.resolve("cut")).doesNotExist();
            assertThat(process.ask("eval 6 * 7")).containsExactly("42");
        }
    }

    @Test
    void sizesThatAreNone() {
        for (String size : List.of("-1", "", "1T", "K", "1.5M", "99999999999999999999", "0x10")) {
            Run.heapwalk("ruby", "dump", "demo", "--max-copy=" + size)
                    .exited(2)
                    .said("--max-copy must be a number of bytes, such as 1000000, 512K, 100M or 2G, or 0, not");
        }
    }
}
