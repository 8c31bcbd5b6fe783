// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the help says is so. */
final class HelpIT {
    private static final String EXAMPLE = "heapwalk ";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "summary",
                "sizes",
                "used",
                "free",
                "all",
                "select",
                "arenas",
                "arena",
                "bins",
                "tcache",
                "hexdump",
                "label",
                "log",
                "diff",
                "retained",
                "holders",
                "references",
                "leaks",
                "shell",
                "completion",
                "help",
                "ruby",
                "ruby info",
                "ruby count",
                "ruby dump",
                "ruby show",
                "ruby threads",
                "ruby roots",
                "python",
                "python info",
                "python dump",
                "python threads",
                "python count",
                "python show",
                "python roots",
                "python allocators"
            })
    void helpOfACommandIsTheSameByBothNames(String command) {
        String[] words = command.split(" ");
        List<String> option = new ArrayList<>(List.of(words));
        option.add("--help");
        List<String> named = new ArrayList<>(List.of("help"));
        named.addAll(List.of(words));
        String text = Run.heapwalk(named.toArray(String[]::new)).exited(0).text();
        assertThat(text)
                .isEqualTo(Run.heapwalk(option.toArray(String[]::new)).exited(0).text())
                .startsWith("Usage: heapwalk " + command);
        examplesAreTaken(text);
    }

    @Test
    void helpOfAllLeadsToEachCommand() {
        String text = Run.heapwalk("help").exited(0).text();
        assertThat(text)
                .isEqualTo(Run.heapwalk("--help").exited(0).text())
                .contains("Which command answers which question", "Exit status: 0", "the name of a process");
        examplesAreTaken(text);
    }

    /** Each line with an example is one that the command takes. */
    private static void examplesAreTaken(String text) {
        List<String> examples = text.lines()
                .map(line -> line.replaceAll("source <\\((.*)\\)", "$1"))
                .filter(line -> line.matches("  +(.*  +)?heapwalk [a-z].*"))
                .map(line -> line.substring(line.lastIndexOf("  " + EXAMPLE) + 2 + EXAMPLE.length())
                        .split(" {2,}| \\| ")[0])
                .toList();
        assertThat(examples).isNotEmpty();
        for (String example : examples) {
            String[] words = example.split(" ");
            assertThatCode(() -> Heapwalk.line(words).parseArgs(words))
                    .as(example)
                    .doesNotThrowAnyException();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "summary,''",
        "sizes,''",
        "used,''",
        "free,''",
        "all,''",
        "select,''",
        "arenas,''",
        "arena,0",
        "bins,''",
        "tcache,''"
    })
    void everyColumnIsExplained(String command, String argument) throws IOException {
        String text = Run.heapwalk("help", command).exited(0).text();
        try (KnownProcess known = KnownProcess.start()) {
            List<String> line = new ArrayList<>(List.of(command, "--format=csv"));
            if (!argument.isEmpty()) {
                line.add(argument);
            }
            line.add(known.pid());
            String head =
                    Run.heapwalk(line.toArray(String[]::new)).exited(0).lines().getFirst();
            for (String field : head.split(",")) {
                assertThat(text).as(field).containsPattern("\\((?:\\w+ )?" + field + "(?: \\w+)?\\)");
            }
            line.set(1, "--format=table");
            String titles =
                    Run.heapwalk(line.toArray(String[]::new)).exited(0).lines().getFirst();
            for (String title : titles.trim().split(" {2,}")) {
                // Two columns with the same beginning are explained in one line.
                assertThat(text).containsPattern("\n  " + title.replaceAll(" (chunks|bytes)$", "( $1)?") + "  ");
            }
        }
    }

    @Test
    void wordsAreExplained() {
        String words = Run.heapwalk("help", "words").exited(0).text();
        for (String word : List.of("chunk", "arena", "bin", "fastbin", "tcache", "top", "mmapped")) {
            assertThat(words).contains("\n  " + word + " ");
        }
        for (String topic : List.of("target", "status", "units")) {
            assertThat(Run.heapwalk("help", topic).exited(0).text()).isNotEmpty();
        }
        Run.heapwalk("help", "frobnicate").exited(2).said("'frobnicate'", "words");
        Run.heapwalk("help", "ruby", "frobnicate").exited(2).said("'ruby frobnicate'");
    }

    @Test
    void helpIsForEyes() {
        assertThat(Arrays.stream(Run.heapwalk("help").text().split("\n"))).allMatch(line -> line.length() <= 120);
    }
}
