// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Rows of Markdown, in tables, a new one where other columns are needed: not everything is held against the same.
 */
final class Tables {
    private static final String LIKE_FOR_LIKE = """
            | name | Heapwalk | CPU / C | time / C | time / copy | B/op | goal |
            |---|---:|---:|---:|---:|---:|---|""";
    private static final String TWO_FLOORS = """
            | name | Heapwalk | CPU / C | CPU / C in registers | time / C | time / copy | B/op | goal |
            |---|---:|---:|---:|---:|---:|---:|---|""";
    private static final String BARE_WALK = """
            | name | Heapwalk | CPU / bare walk | time / bare walk | time / copy | B/op |
            |---|---:|---:|---:|---:|---:|""";
    private static final String USAGE = """
            | name | Heapwalk | CPU / bare walk | time / bare walk | time / copy | B/op | B/step |
            |---|---:|---:|---:|---:|---:|---:|""";
    private static final String ANEW = """
            | name | Heapwalk | locate | CPU / locate | time / locate | B/op | goal |
            |---|---:|---:|---:|---:|---:|---|""";
    private static final String DUMP = """
            | name | Heapwalk | dump_all | time / dump_all | time / copy | MB/s | of dump_all | million objects/s | of dump_all | B/op |
            |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|""";

    private String heading = "";

    /** A row, below a heading if it needs another than the last one. */
    List<String> rows(Subject<?> subject, Results.Result result) {
        Map<String, Measurement.Figures> ways = result.measurement().ways();
        Map<String, Double> ratios = result.measurement().ratios();
        Measurement.Figures ours = ways.get(Way.JAVA);
        Measurement.Figures dumpAll = ways.get(Way.DUMP_ALL);
        String begun = "| %s | %s |".formatted(subject.name(), time(ours.wallMs()));
        String ended = " %s | %.0f |".formatted(ratio(ratios, "copy wall"), Math.floor(ours.allocated()));
        List<String> lines;
        if (dumpAll != null) {
            lines = begin(DUMP);
            lines.add("%s %s | %s | %s | %s | %s | %s | %s | %.0f |"
                    .formatted(
                            begun,
                            time(dumpAll.wallMs()),
                            ratio(ratios, "dump_all wall"),
                            ratio(ratios, "copy wall"),
                            perSecond(ours.written().bytes(), ours),
                            perSecond(dumpAll.written().bytes(), dumpAll),
                            perSecond(ours.written().objects(), ours),
                            perSecond(dumpAll.written().objects(), dumpAll),
                            Math.floor(ours.allocated())));
        } else if (ways.containsKey(Way.LOCATE)) {
            lines = begin(ANEW);
            lines.add("%s %s | %s | %s | %.0f | %s |"
                    .formatted(
                            begun,
                            time(ways.get(Way.LOCATE).wallMs()),
                            ratio(ratios, "locate cpu"),
                            ratio(ratios, "locate wall"),
                            Math.floor(ours.allocated()),
                            goal(subject.goals(), ratios)));
        } else if (ways.containsKey(Way.WALK) && result.measurement().steps() != 0) {
            lines = begin(USAGE);
            lines.add("%s %s | %s |%s %s |"
                    .formatted(
                            begun,
                            ratio(ratios, "walk cpu"),
                            ratio(ratios, "walk wall"),
                            ended,
                            perStep(result.measurement().allocatedPerStep())));
        } else if (ways.containsKey(Way.WALK)) {
            lines = begin(BARE_WALK);
            lines.add("%s %s | %s |%s".formatted(begun, ratio(ratios, "walk cpu"), ratio(ratios, "walk wall"), ended));
        } else if (ways.containsKey(Way.C_IN_REGISTERS)) {
            lines = begin(TWO_FLOORS);
            lines.add("%s %s | %s | %s |%s %s |"
                    .formatted(
                            begun,
                            ratio(ratios, "c cpu"),
                            ratio(ratios, "c in registers cpu"),
                            ratio(ratios, "c wall"),
                            ended,
                            goal(subject.goals(), ratios)));
        } else {
            lines = begin(LIKE_FOR_LIKE);
            lines.add("%s %s | %s |%s %s |"
                    .formatted(
                            begun,
                            ratio(ratios, "c cpu"),
                            ratio(ratios, "c wall"),
                            ended,
                            goal(subject.goals(), ratios)));
        }
        return lines;
    }

    /** Less than a byte is none: it comes of what is made before the first step. */
    private static String perStep(double bytes) {
        return String.format(Locale.ROOT, "%.0f", Math.floor(bytes));
    }

    /** In millions. */
    private static String perSecond(long many, Measurement.Figures way) {
        return String.format(Locale.ROOT, "%.3g", many / way.wallMs() / 1e3);
    }

    /** A row for what could not be measured. */
    List<String> failed(Subject<?> subject) {
        List<String> lines = begin(heading.isEmpty() ? LIKE_FOR_LIKE : heading);
        lines.add("| %s | failed |".formatted(subject.name()));
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
        goals.forEach((name, most) -> said.add(goal(
                (name.equals("c cpu") ? "CPU" : "time") + " ≤ %.3g", most, ratios.getOrDefault(name, Double.NaN))));
        return String.join("; ", said);
    }

    /** What is hoped for, and whether it is missed. */
    static String goal(String text, double most, double reached) {
        return String.format(Locale.ROOT, text + "%s", most, reached < most + 0.0005 ? "" : ", **missed**");
    }
}
