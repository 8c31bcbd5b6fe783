// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Rows of Markdown, in tables that begin anew where other columns are needed: not everything is held against the same. */
final class Tables {
    private static final String LIKE_FOR_LIKE = """
            | name | Heapwalk | CPU / C | time / C | time / copy | B/op | goal |
            |---|---:|---:|---:|---:|---:|---|""";
    private static final String BARE_WALK = """
            | name | Heapwalk | CPU / bare walk | time / bare walk | time / copy | B/op |
            |---|---:|---:|---:|---:|---:|""";

    private String heading = "";

    /** A row, below a heading if it needs another than the last one. */
    List<String> rows(Suite.Entry entry, Results.Result result) {
        Measurement measurement = result.measurement();
        Map<String, Double> ratios = measurement.ratios();
        Measurement.Way ours = measurement.ways().get(Subject.JAVA);
        boolean bare = measurement.ways().containsKey(Subject.WALK);
        String floor = bare ? Subject.WALK : Subject.C;
        List<String> lines = begin(bare ? BARE_WALK : LIKE_FOR_LIKE);
        String row = "| %s | %s | %s | %s | %s | %.0f |".formatted(
                entry.name(), time(ours.wallMs()), ratio(ratios, floor + " cpu"), ratio(ratios, floor + " wall"),
                ratio(ratios, "copy wall"), Math.floor(ours.allocated()));
        lines.add(bare ? row : row + " " + goal(entry.goals(), ratios) + " |");
        return lines;
    }

    /** A row for what could not be measured. */
    List<String> failed(Suite.Entry entry) {
        List<String> lines = begin(heading.isEmpty() ? LIKE_FOR_LIKE : heading);
        lines.add("| %s | failed |".formatted(entry.name()));
        return lines;
    }

    private List<String> begin(String needed) {
        List<String> lines = new ArrayList<>();
        if (!needed.equals(heading)) {
            if (!heading.isEmpty()) {
                lines.add("");
            }
            lines.addAll(needed.lines().toList());
            heading = needed;
        }
        return lines;
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
}
