// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tables on a terminal, which {@code script} makes. */
final class TerminalIT {
    private static final Pattern AMOUNT = Pattern.compile("(?<![\\w.,])[0-9]{1,3}(,[0-9]{3})+(?![\\w,])");

    private static KnownProcess known;

    @BeforeAll
    static void start() throws IOException {
        known = KnownProcess.start();
    }

    @AfterAll
    static void end() {
        known.close();
    }

    /** What a terminal of some width shows. */
    private static List<String> shown(int width, String environment, String command) {
        Run run = Run.of(new ProcessBuilder(
                "script",
                "--quiet",
                "--return",
                "--command",
                "stty cols " + width + " -opost; " + environment + " "
                        + Run.checkout().resolve("bin/heapwalk") + " " + command,
                "/dev/null"));
        return run.exited(0).lines();
    }

    @ParameterizedTest
    @CsvSource({
        "summary,70",
        "sizes,60",
        "used,72",
        "all,60",
        "free,60",
        "arenas,100",
        "arenas,60",
        "arena 0,72",
        "bins,60"
    })
    void linesFitAndNumbersAreWhole(String command, int width) {
        List<String> lines = new ArrayList<>(shown(width, "", command + " " + known.pid()));
        lines.removeIf(line -> line.startsWith("heapwalk: the terminal is " + width + " characters wide"));
        assertThat(lines)
                .allSatisfy(line -> assertThat(line.codePointCount(0, line.length()))
                        .as(line)
                        .isLessThanOrEqualTo(width));
        List<String> line = new ArrayList<>(List.of(command.split(" ")));
        line.add(known.pid());
        List<String> piped = Run.heapwalk(line.toArray(String[]::new)).exited(0).lines();
        assertThat(lines).hasSameSizeAs(piped);
        for (int i = 0; i < lines.size(); i++) {
            assertThat(amounts(piped.get(i))).as(lines.get(i)).containsAll(amounts(lines.get(i)));
        }
    }

    private static List<String> amounts(String line) {
        return AMOUNT.matcher(line).results().map(MatchResult::group).toList();
    }

    /** The word stands in the first column that is left, and the sums below what they are sums of. */
    @ParameterizedTest
    @CsvSource({"summary,40", "tcache,40", "sizes,30", "arenas,40", "bins,40", "used,40"})
    void lastRowIsCalledTotal(String command, int width) {
        List<String> lines = shown(width, "", command + " " + known.pid());
        assertThat(lines.getLast()).startsWith("TOTAL ");
        assertThat(lines.getLast().codePointCount(0, lines.getLast().length()))
                .isLessThanOrEqualTo(lines.get(lines.size() - 2)
                        .codePointCount(0, lines.get(lines.size() - 2).length()));
    }

    @Test
    void columnsGoesBeforeTheTerminal() {
        List<String> wide = shown(200, "", "summary " + known.pid());
        assertThat(wide)
                .isEqualTo(Run.heapwalk("summary", known.pid()).exited(0).lines());
        assertThat(shown(200, "COLUMNS=70", "summary " + known.pid()))
                .allMatch(line -> line.length() <= 70 || line.startsWith("heapwalk: the terminal is 70 "));
    }

    @Test
    void whatIsLeftOutIsTold() {
        assertThat(shown(80, "", "arenas " + known.pid()))
                .anyMatch(line -> line.startsWith("heapwalk: the terminal is 80 characters wide")
                        && line.contains("Max system")
                        && line.contains("--format csv"));
    }

    @Test
    void bytesAreNeverCut() {
        List<String> lines = shown(60, "", "hexdump " + known.address("string") + " " + known.pid());
        assertThat(lines)
                .isEqualTo(Run.heapwalk("hexdump", known.address("string"), known.pid())
                        .exited(0)
                        .lines());
    }
}
