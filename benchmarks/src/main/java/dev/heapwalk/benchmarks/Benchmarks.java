// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Runs the subjects by JMH with its own options, with thread CPU time and allocation as secondary results, and ends in
 * a table that holds Heapwalk against each of its floors, which for walkers is the same loop in C. Where JMH wants
 * names of benchmarks, those of subjects stand, or beginnings of such.
 */
public final class Benchmarks {
    private static final String WAY_OPTION = "way";

    private Benchmarks() {}

    /**
     * Runs them.
     *
     * @param args JMH's options, and names
     * @throws CommandLineOptionException if an option is wrong
     * @throws RunnerException if a benchmark fails
     * @throws java.io.IOException if JMH's help can't be printed
     */
    public static void main(String[] args) throws CommandLineOptionException, RunnerException, java.io.IOException {
        CommandLineOptions options = new CommandLineOptions(args);
        if (options.shouldHelp()) {
            options.showHelp();
            return;
        }
        if (options.shouldListProfilers()) {
            options.listProfilers();
            return;
        }
        if (options.shouldListResultFormats()) {
            options.listResultFormats();
            return;
        }
        List<String> chosen;
        try {
            chosen = chosen(options);
        } catch (Arguments.Refused e) {
            System.err.println("bench: " + e.getMessage());
            System.exit(2);
            return;
        }
        if (options.shouldList() || options.shouldListWithParams()) {
            chosen.forEach(System.out::println);
            return;
        }
        printRatios(new Runner(new OptionsBuilder()
                        .parent(options)
                        .include(Pattern.quote(InJmh.class.getName() + "."))
                        .param("subject", chosen.toArray(String[]::new))
                        .addProfiler(ThreadCpuProfiler.class)
                        .addProfiler(GCProfiler.class)
                        .shouldFailOnError(true)
                        .build())
                .run());
    }

    /** The subjects that are named, each with all its ways, or with those that {@code -p way=} tells. */
    private static List<String> chosen(CommandLineOptions options) throws Arguments.Refused {
        Arguments arguments = Arguments.of(options.getIncludes().toArray(String[]::new));
        Collection<String> only = options.getParameter(WAY_OPTION).orElse(List.of());
        List<String> chosen = new ArrayList<>();
        for (Subject<?> subject : Suite.subjects()) {
            if (arguments.want(subject)) {
                subject.ways().stream()
                        .filter(way -> only.isEmpty() || only.contains(way))
                        .forEach(way -> chosen.add(subject.name() + InJmh.WAY + way));
            }
        }
        if (chosen.isEmpty()) {
            throw new Arguments.Refused("none of the subjects named has a way " + String.join(" or ", only));
        }
        return chosen;
    }

    private static void printRatios(Collection<RunResult> results) {
        Map<String, RunResult> byName = new LinkedHashMap<>();
        for (RunResult result : results) {
            byName.put(result.getParams().getParam("subject"), result);
        }
        System.out.printf(
                "%n%-56s %11s %12s %7s %11s %11s %7s %11s%n",
                "Heapwalk beside its floors",
                "Java cpu ms",
                "floor cpu ms",
                "ratio",
                "Java time",
                "floor time",
                "ratio",
                "Java B/op");
        byName.forEach((name, floor) -> {
            RunResult ours = byName.get(name.substring(0, name.indexOf(InJmh.WAY)) + InJmh.WAY + Way.JAVA);
            if (ours == null || ours == floor) {
                return;
            }
            double cpu = secondary(ours, ThreadCpuProfiler.RESULT);
            double floorCpu = secondary(floor, ThreadCpuProfiler.RESULT);
            double wall = ours.getPrimaryResult().getScore();
            double floorWall = floor.getPrimaryResult().getScore();
            System.out.printf(
                    "%-56s %11.4g %12.4g %7.2f %11.4g %11.4g %7.2f %11.0f %s%n",
                    name,
                    cpu,
                    floorCpu,
                    cpu / floorCpu,
                    wall,
                    floorWall,
                    wall / floorWall,
                    secondary(ours, "gc.alloc.rate.norm"),
                    ours.getPrimaryResult().getScoreUnit());
        });
    }

    private static double secondary(RunResult result, String label) {
        for (Result<?> secondary : result.getSecondaryResults().values()) {
            if (secondary.getLabel().endsWith(label)) {
                return secondary.getScore();
            }
        }
        return Double.NaN;
    }
}
