// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The command python threads, and what Python itself tells of its threads and tasks. */
final class PythonThreadsIT {
    private static final int LOOKS = 12;

    static List<Python> pythons() {
        return Python.debian();
    }

    private static String text(String hex) {
        return hex.equals("-") ? "" : new String(HexFormat.of().parseHex(hex), StandardCharsets.UTF_8);
    }

    private static List<Run> heapwalk(PythonProcess process, String command, List<String> said, String... options)
            throws Exception {
        List<Run> runs = new ArrayList<>();
        said.addAll(process.askStopped(command, () -> {
            for (String format : List.of("jsonl", "text")) {
                List<String> words = new ArrayList<>(List.of("python", "threads", "--format", format));
                words.addAll(List.of(options));
                words.add(Long.toString(process.pid()));
                runs.add(Run.heapwalk(words.toArray(String[]::new)));
            }
        }));
        return runs;
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void showsTheFramesThatPythonTells(Python python) throws Exception {
        try (PythonProcess process =
                PythonProcess.of(python).script("frames.py").start()) {
            List<String> said = new ArrayList<>();
            List<Run> runs = heapwalk(process, "frames", said, "--locals");
            Map<String, List<String>> found = new TreeMap<>();
            for (JsonNode row : runs.getFirst().exited(0).rows()) {
                List<String> frames = new ArrayList<>();
                for (JsonNode frame : row.get("frames")) {
                    StringBuilder line = new StringBuilder("%s:%d in %s"
                            .formatted(
                                    frame.get("file").textValue(),
                                    frame.get("line").intValue(),
                                    frame.get("function").textValue()));
                    List<String> locals = new ArrayList<>();
                    frame.path("locals")
                            .forEach(local -> locals.add(" " + local.get("name").textValue() + "="
                                    + local.get("id").textValue()));
                    locals.stream().sorted().forEach(line::append);
                    frames.add(line.toString());
                }
                found.put(row.get("id").textValue(), frames);
            }
            Map<String, List<String>> expected = new TreeMap<>();
            List<String> text = runs.getLast().exited(0).lines();
            List<String> last = new ArrayList<>();
            for (String line : said) {
                String[] words = line.split(" ");
                if (words[0].equals("thread")) {
                    last = new ArrayList<>();
                    String id = "0x%x".formatted(Long.parseLong(words[1]));
                    expected.put(id, last);
                    assertThat(text).anyMatch(shown -> shown.startsWith("thread " + id));
                    continue;
                }
                List<String> locals = new ArrayList<>();
                for (int i = 7; i < words.length && !words[i].equals("-"); i++) {
                    String[] local = words[i].split(":");
                    locals.add(" %s=0x%x".formatted(text(local[0]), Long.parseLong(local[1])));
                }
                String place = "%s:%s in %s".formatted(text(words[5]), words[4], text(words[6]));
                last.add(place + String.join("", locals.stream().sorted().toList()));
                assertThat(text).contains("  " + place);
            }
            assertThat(found).containsAllEntriesOf(expected);
            assertThat(text)
                    .contains("      number = 1", "      text = 'default'", "      rest = ()", "      named = {}");
        }
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void showsWhatTasksWaitFor(Python python) throws Exception {
        try (PythonProcess process =
                PythonProcess.of(python).script("frames.py").start()) {
            List<String> said = new ArrayList<>();
            List<Run> runs = heapwalk(process, "tasks", said, "--tasks", "--generators", "--redact");
            Map<String, String> found = new TreeMap<>();
            for (JsonNode row : runs.getFirst().exited(0).rows()) {
                if (row.get("type").textValue().equals("task")) {
                    List<String> chain = new ArrayList<>();
                    row.get("frames")
                            .forEach(frame ->
                                    chain.addFirst(frame.get("generator").textValue() + ":"
                                            + frame.get("line").intValue()));
                    found.put(
                            row.get("id").textValue(),
                            row.get("waits_for").get("id").textValue() + " " + String.join(" ", chain));
                }
            }
            Map<String, String> expected = new TreeMap<>();
            for (String line : said) {
                String[] words = line.split(" ");
                if (words[3].equals("pending")) {
                    List<String> chain = new ArrayList<>();
                    for (int i = 6; i < words.length; i++) {
                        String[] link = words[i].split(":");
                        chain.add("0x%x:%s".formatted(Long.parseLong(link[0]), link[1]));
                    }
                    expected.put(
                            "0x%x".formatted(Long.parseLong(words[1])),
                            "0x%x %s".formatted(Long.parseLong(words[5]), String.join(" ", chain)));
                }
            }
            assertThat(expected).hasSizeGreaterThan(6);
            assertThat(found).containsAllEntriesOf(expected);
            String text = runs.getLast().exited(0).text();
            assertThat(text)
                    .contains("<generator object delegate at 0x", ": suspended")
                    .doesNotContain("the first");
        }
    }

    /** What of a stack, the innermost frame first, the program can't have called. */
    private static List<String> impossible(List<String> names) {
        List<String> found = new ArrayList<>();
        for (int i = 1; i < names.size(); i++) {
            if (names.get(i).startsWith("turn_")) {
                int number = names.get(i).charAt(names.get(i).length() - 1) - '0';
                if (!names.get(i - 1).equals("turn_" + (number + 1) % 4)) {
                    found.add(names.get(i - 1) + " in " + names.get(i));
                }
            }
        }
        return found;
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void noFramesAreOfTwoMoments(Python python) throws Exception {
        try (PythonProcess process =
                PythonProcess.of(python).script("frames.py").start()) {
            process.askStopped("turns", () -> {});
            int deep = 0;
            for (int i = 0; i < LOOKS; i++) {
                Run look = Run.heapwalk(
                        "python", "threads", "--mode", "observe", "--format", "jsonl", Long.toString(process.pid()));
                if (look.status() != 0) {
                    look.exited(3);
                    assertThat(look.err()).contains("frames came or went while they were read");
                }
                for (JsonNode row : look.rows()) {
                    List<String> names = new ArrayList<>();
                    row.path("frames")
                            .forEach(frame -> names.add(frame.path("function").textValue()));
                    assertThat(impossible(names)).as("%s", names).isEmpty();
                    deep += names.size() > 20 ? 1 : 0;
                }
            }
            assertThat(deep).isGreaterThan(LOOKS);
        }
    }
}
