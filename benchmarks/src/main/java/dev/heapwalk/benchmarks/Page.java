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
 * Tables in Markdown. On the page, what lies between a line {@code <!-- figures: NAME -->} and the next {@code <!-- end -->} is made anew
 * from the accepted figures whose names begin so; the rest is written by people, and stays.
 */
final class Page {
    static final String HEADING = """
            | name | Heapwalk | CPU / C | time / C | time / copy | B/op | goal |
            |---|---:|---:|---:|---:|---:|---|""";
    private static final String BEGIN = "<!-- figures: ";
    private static final String END = "<!-- end -->";

    private Page() {}

    /** A row of the table. */
    static String line(Suite.Entry entry, Results.Result result) {
        Measurement measurement = result.measurement();
        Map<String, Double> ratios = measurement.ratios();
        Measurement.Way ours = measurement.ways().get(Subject.JAVA);
        return "| %s | %s | %s | %s | %s | %.0f | %s |".formatted(
                entry.name(), time(ours.wallMs()), ratio(ratios, "c cpu"), ratio(ratios, "c wall"), ratio(ratios, "copy wall"),
                Math.floor(ours.allocated()), goal(entry.goals(), ratios));
    }

    /** A row for what could not be measured. */
    static String failed(Suite.Entry entry) {
        return "| %s | failed | | | | | |".formatted(entry.name());
    }

    private static String time(double millis) {
        return millis >= 1
                ? String.format(Locale.ROOT, "%.4g ms", millis)
                : String.format(Locale.ROOT, "%.4g µs", millis * 1000);
    }

    private static String ratio(Map<String, Double> ratios, String name) {
        Double ratio = ratios.get(name);
        return ratio == null ? "" : String.format(Locale.ROOT, ratio < 0.2 ? "%.3f" : "%.2f", ratio);
    }

    private static String goal(Map<String, Double> goals, Map<String, Double> ratios) {
        List<String> said = new ArrayList<>();
        goals.forEach((name, most) ->
                said.add(goal((name.equals("c cpu") ? "CPU" : "time") + " ≤ %.3g", most, ratios.getOrDefault(name, Double.NaN))));
        return String.join("; ", said);
    }

    /** What is hoped for, and whether it is missed. */
    static String goal(String text, double most, double reached) {
        return String.format(Locale.ROOT, text + "%s", most, reached < most + 0.0005 ? "" : ", **missed**");
    }

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
        Map<String, Results.Circumstances> measured = new TreeMap<>();
        List<String> wanted = List.of(names.split(" "));
        for (Suite.Entry entry : Suite.entries()) {
            Results.Result result = results.results().get(entry.name());
            if (result != null && wanted.stream().anyMatch(name -> entry.name().startsWith(name + "/"))) {
                if (lines.isEmpty()) {
                    lines.addAll(HEADING.lines().toList());
                }
                lines.add(line(entry, result));
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
            measured.forEach((what, worst) -> lines.add(String.format(Locale.ROOT, "%s, load average up to %.1f.", what, worst.load())));
        }
        return lines;
    }

    private static void circumstances(Map<String, Results.Circumstances> measured, Results.Circumstances circumstances) {
        String key = "Measured on %s, commit %s, %s".formatted(circumstances.date(), circumstances.commit(), circumstances.machine());
        measured.merge(key, circumstances, (one, other) -> one.load() > other.load() ? one : other);
    }
}
