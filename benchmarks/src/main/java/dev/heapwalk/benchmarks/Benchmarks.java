// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Runs the benchmarks with JMH's own options, with thread CPU time and allocation as secondary results, and ends in a
 * table that holds each one against its floor, which for walkers is the same loop in C.
 */
public final class Benchmarks {
    private static final String FLOOR = ".c";
    private static final String WALKER = ".java";

    private Benchmarks() {}

    /**
     * Runs them.
     *
     * @param args JMH's options
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
        Runner runner = new Runner(new OptionsBuilder()
                .parent(options)
                .addProfiler(ThreadCpuProfiler.class)
                .addProfiler(GCProfiler.class)
                .shouldFailOnError(true)
                .build());
        if (options.shouldList()) {
            runner.list();
            return;
        }
        printRatios(runner.run());
    }

    private static void printRatios(Collection<RunResult> results) {
        Map<String, RunResult> byName = new TreeMap<>();
        for (RunResult result : results) {
            byName.put(name(result), result);
        }
        System.out.printf(
                "%n%-48s %11s %12s %7s %11s %11s %7s %11s%n",
                "Heapwalk beside its floor",
                "Java cpu ms",
                "floor cpu ms",
                "ratio",
                "Java time",
                "floor time",
                "ratio",
                "Java B/op");
        byName.forEach((name, result) -> {
            RunResult floor = byName.get(name.replace(WALKER + " ", FLOOR + " "));
            if (!name.contains(WALKER + " ") || floor == null) {
                return;
            }
            double java = secondary(result, ThreadCpuProfiler.RESULT);
            double c = secondary(floor, ThreadCpuProfiler.RESULT);
            double javaWall = result.getPrimaryResult().getScore();
            double cWall = floor.getPrimaryResult().getScore();
            System.out.printf(
                    "%-48s %11.4g %12.4g %7.2f %11.4g %11.4g %7.2f %11.0f %s%n",
                    name.replace(WALKER, ""),
                    java,
                    c,
                    java / c,
                    javaWall,
                    cWall,
                    javaWall / cWall,
                    secondary(result, "gc.alloc.rate.norm"),
                    result.getPrimaryResult().getScoreUnit());
        });
    }

    private static String name(RunResult result) {
        String method = result.getParams().getBenchmark();
        StringBuilder name =
                new StringBuilder(method.substring(method.lastIndexOf('.', method.lastIndexOf('.') - 1) + 1));
        name.append(' ');
        for (String parameter : result.getParams().getParamsKeys()) {
            name.append(parameter)
                    .append('=')
                    .append(result.getParams().getParam(parameter))
                    .append(' ');
        }
        return name.toString();
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
