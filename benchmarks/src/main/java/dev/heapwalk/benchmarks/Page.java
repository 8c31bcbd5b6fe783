// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The page with the figures. What lies between a line {@code <!-- figures: NAME -->} and the next {@code <!-- end -->}
 * is written again from the accepted figures whose names begin so; the rest is written by people, and stays.
 */
final class Page {
    private static final String BEGIN = "<!-- figures: ";
    private static final String END = "<!-- end -->";

    private Page() {}

    static void write(Path page, Results results) throws IOException {
        List<String> made = new ArrayList<>();
        boolean old = false;
        for (String line : Files.readAllLines(page)) {
            if (line.startsWith(BEGIN)) {
                made.add(line);
                made.addAll(table(line.substring(BEGIN.length(), line.indexOf(" -->")), results));
                old = true;
            } else if (line.equals(END)) {
                old = false;
            }
            if (!old) {
                made.add(line);
            }
        }
        Files.write(page, made);
    }

    private static List<String> table(String names, Results results) {
        List<String> lines = new ArrayList<>();
        Tables tables = new Tables();
        Map<String, Results.Circumstances> measured = new TreeMap<>();
        List<String> wanted = List.of(names.split(" "));
        for (Subject<?> subject : Suite.subjects()) {
            Results.Result result = results.results().get(subject.name());
            if (result != null
                    && wanted.stream().anyMatch(name -> subject.name().startsWith(name + "/"))) {
                lines.addAll(tables.rows(subject, result));
                circumstances(measured, result.circumstances());
            }
        }
        results.commands().forEach((name, command) -> {
            if (wanted.stream().anyMatch(group -> name.startsWith(group + "/"))) {
                if (lines.isEmpty()) {
                    lines.addAll(WholeCommands.HEADING.lines().toList());
                }
                lines.add(WholeCommands.line(name, command));
                circumstances(measured, command.circumstances());
            }
        });
        if (!lines.isEmpty()) {
            lines.add("");
            measured.forEach((what, worst) ->
                    lines.add(String.format(Locale.ROOT, "%s, load average up to %.1f.", what, worst.load())));
        }
        return lines;
    }

    private static void circumstances(
            Map<String, Results.Circumstances> measured, Results.Circumstances circumstances) {
        String key = "Measured on %s, commit %s, %s"
                .formatted(circumstances.date(), circumstances.commit(), circumstances.machine());
        measured.merge(key, circumstances, (one, other) -> one.load() > other.load() ? one : other);
    }
}
