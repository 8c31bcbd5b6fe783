// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Whole commands from the shell, each run in a JVM of its own: how long they take, and how much memory. Beside them the
 * programs that other people would use on the same process.
 */
final class WholeCommands {
    static final String HEADING = """
            | command | runs | time, median (shortest to longest) | CPU time | peak memory | goal |
            |---|---:|---:|---:|---:|---|""";
    private static final String COMMANDS = "commands";
    private static final String SCALE = "scale";
    private static final Map<String, Goal> GOALS = Map.of(
            "commands/--version", new Goal(0.15, 0),
            "commands/sizes of a process with 1k chunks", new Goal(0.35, 0),
            "commands/sizes of a process with 1M chunks", new Goal(1, 150),
            "commands/summary of a process with 1M chunks", new Goal(1, 150));
    private static final int RUNS = 7;
    private static final int FEW_RUNS = 3;
    private static final String NO_CACHE = "-XX:AOTMode=off";
    private static final String SMALL_HEAP = "-Xmx64m";
    /** How many millions are promised to do with so little. */
    private static final int MOST_IN_SMALL_HEAP = 10;

    private static final Path HEAPWALK = Path.of("bin/heapwalk");

    private final Results.Circumstances circumstances;
    private final Judge judge;
    private final Path measure = FloorLibrary.program("measure.c");
    private final Path folder;
    /** What commands write to. They make a new one, as {@code dump_all} does. */
    private final Path dump;

    private final Suite.Set set;
    private final int runs;
    private final int fewRuns;

    /** Whom figures go to, as soon as they are there. */
    interface Judge {
        /** Whether to measure a command again. The first attempt has number 0. */
        boolean again(String name, Results.Command command, int attempt) throws IOException;

        /** Takes note of a command that fails. */
        void failed(String failure);
    }

    /** Measures once, so many runs as that takes. */
    private interface Attempt {
        Results.Command run() throws IOException, Failed;
    }

    /** A command has failed; the others are still worth to be measured. */
    private static final class Failed extends Exception {
        private static final long serialVersionUID = 1;

        private Failed(String message) {
            super(message);
        }
    }

    /**
     * What is hoped for.
     *
     * @param seconds by the clock, the most
     * @param megabytes of a million bytes, the most at the peak; 0 if that was not thought of
     */
    private record Goal(double seconds, double megabytes) {}

    private WholeCommands(Suite.Set set, Results.Circumstances circumstances, Judge judge) throws IOException {
        this.set = set;
        this.runs = set == Suite.Set.SHORT ? 1 : RUNS;
        this.fewRuns = set == Suite.Set.SHORT ? 1 : FEW_RUNS;
        this.circumstances = circumstances;
        this.judge = judge;
        this.folder = Files.createTempDirectory("heapwalk-commands");
        this.dump = folder.resolve("dump");
    }

    /** Whether a name is that of some of them. */
    static boolean areCalled(String name) {
        return name.equals(COMMANDS) || name.equals(SCALE);
    }

    /** Runs those that are named. */
    static void run(List<String> names, Suite.Set set, Results.Circumstances circumstances, Judge judge)
            throws IOException {
        WholeCommands whole = new WholeCommands(set, circumstances, judge);
        build();
        System.out.println(HEADING);
        try {
            if (names.contains(COMMANDS)) {
                whole.commands();
            }
            if (names.contains(SCALE)) {
                whole.scale();
            }
        } finally {
            try (Stream<Path> left = Files.walk(whole.folder)) {
                for (Path path : left.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(path);
                }
            }
        }
    }

    /** Builds the command and its cache, which is no part of what is measured. */
    private static void build() throws IOException {
        Process process = new ProcessBuilder(HEAPWALK.toString(), "--version")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        await(process);
        if (process.exitValue() != 0) {
            throw new IOException(HEAPWALK + " does not run");
        }
    }

    private void commands() throws IOException {
        both("commands/--version", "--version");
        try (LedgerProcess small = MallocProgram.FRESH.start(1000)) {
            both("commands/sizes of a process with 1k chunks", "sizes", small.pid());
        }
        try (LedgerProcess process = MallocProgram.FRAGMENTED.start(1_000_000)) {
            Path core = Cores.gcore(process, folder);
            for (String command : List.of("sizes", "summary")) {
                both("commands/%s of a process with 1M chunks".formatted(command), command, process.pid());
                both("commands/%s of its core".formatted(command), command, core);
            }
            Files.delete(core);
            gcore("1M chunks", process.pid());
        }
        try (RubyProcess process = RubyProgram.FRAGMENTED.start(1_000_000)) {
            Path core = Cores.gcore(process, folder);
            Path root = process.ruby().root();
            both("commands/ruby count of a process with 1M objects", "ruby", "count", process.pid());
            both("commands/ruby count of its core", "ruby", "count", "--sysroot", root, core);
            for (String format : List.of("heap_dump", "objectspace")) {
                both(
                        "commands/ruby dump --format %s of a process with 1M objects".formatted(format),
                        "ruby",
                        "dump",
                        "--format",
                        format,
                        process.pid());
                both(
                        "commands/ruby dump --format %s of its core".formatted(format),
                        "ruby",
                        "dump",
                        "--format",
                        format,
                        "--sysroot",
                        root,
                        core);
            }
            Files.delete(core);
            heapwalk(
                    "commands/ruby dump -o FILE of a process with 1M objects",
                    runs,
                    "",
                    "ruby",
                    "dump",
                    "-o",
                    dump,
                    process.pid());
            heapwalk(
                    "commands/ruby dump --format objectspace -o FILE of a process with 1M objects",
                    runs,
                    "",
                    "ruby",
                    "dump",
                    "--format",
                    "objectspace",
                    "-o",
                    dump,
                    process.pid());
            gcore("1M Ruby objects", process.pid());
            dumpAll(process);
        }
    }

    private void scale() throws IOException {
        for (int count : upTo(3, 10, 30)) {
            progress("starting a process with %,d million chunks", count);
            String heap = count <= MOST_IN_SMALL_HEAP ? SMALL_HEAP : "";
            try (LedgerProcess process = MallocProgram.FRAGMENTED.start(count * 1_000_000)) {
                for (String command : List.of("sizes", "summary")) {
                    heapwalk(
                            "scale/%s, %02dM chunks%s".formatted(command, count, heap.isEmpty() ? "" : ", " + heap),
                            fewRuns,
                            heap,
                            command,
                            process.pid());
                }
            }
        }
        for (int count : upTo(1, 3, 10)) {
            progress("starting a Ruby with %,d million objects", count);
            try (RubyProcess process = RubyProgram.FRESH.start(count * 1_000_000)) {
                for (String command : List.of("count", "dump")) {
                    heapwalk(
                            "scale/ruby %s, %02dM objects, %s".formatted(command, count, SMALL_HEAP),
                            fewRuns,
                            SMALL_HEAP,
                            "ruby",
                            command,
                            process.pid());
                }
                heapwalk(
                        "scale/ruby dump --format objectspace -o FILE, %02dM objects, %s".formatted(count, SMALL_HEAP),
                        fewRuns,
                        SMALL_HEAP,
                        "ruby",
                        "dump",
                        "--format",
                        "objectspace",
                        "-o",
                        dump,
                        process.pid());
            }
        }
    }

    /** How many millions, from 1 to the most of the set. */
    private List<Integer> upTo(int most, int mostOfQuick, int mostOfFull) {
        int last = switch (set) {
            case SHORT -> most;
            case QUICK -> mostOfQuick;
            case FULL -> mostOfFull;
        };
        return Stream.of(1, 3, 10, 30).filter(count -> count <= last).toList();
    }

    /** Tells what takes a while, beside the table. */
    private static void progress(String text, Object... arguments) {
        System.err.printf(Locale.ROOT, "bench: " + text + "%n", arguments);
    }

    private void both(String name, Object... arguments) throws IOException {
        heapwalk(name, runs, "", arguments);
        heapwalk(name + ", without the cache", runs, NO_CACHE, arguments);
    }

    private void heapwalk(String name, int runs, String options, Object... arguments) throws IOException {
        List<String> line = new ArrayList<>(List.of(HEAPWALK.toString()));
        Arrays.stream(arguments).map(Object::toString).forEach(line::add);
        measure(name, runs, options, line);
    }

    private void gcore(String what, long pid) throws IOException {
        Path core = folder.resolve("core");
        measure(
                "commands/gcore of a process with " + what,
                fewRuns,
                "",
                List.of(
                        "gdb",
                        "-q",
                        "-nx",
                        "-batch",
                        "-iex",
                        "set sysroot /",
                        "-p",
                        Long.toString(pid),
                        "-ex",
                        "generate-core-file " + core));
        Files.delete(core);
    }

    /** What the process itself takes for it; its peak is that of the program, and tells nothing. */
    private void dumpAll(RubyProcess process) throws IOException {
        keep("commands/ObjectSpace.dump_all in a process with 1M objects", () -> {
            double[] seconds = new double[fewRuns];
            for (int run = -1; run < fewRuns; run++) {
                long begun = System.nanoTime();
                Path file = process.dumpAll();
                if (run >= 0) {
                    seconds[run] = (System.nanoTime() - begun) / 1e9;
                }
                Files.delete(file);
            }
            return command(seconds, new double[] {Double.NaN}, new double[] {Double.NaN});
        });
    }

    private void measure(String name, int runs, String options, List<String> command) throws IOException {
        keep(name, () -> attempt(runs, options, command));
    }

    private Results.Command attempt(int runs, String options, List<String> command) throws IOException, Failed {
        Path figures = folder.resolve("figures");
        Path errors = folder.resolve("errors");
        double[] wall = new double[runs];
        double[] cpu = new double[runs];
        double[] peak = new double[runs];
        for (int run = -1; run < runs; run++) {
            // Those of another command must not stand for this one's.
            Files.deleteIfExists(figures);
            List<String> line = new ArrayList<>(List.of(measure.toString(), figures.toString()));
            line.addAll(command);
            ProcessBuilder builder = new ProcessBuilder(line)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(errors.toFile());
            builder.environment().put("HEAPWALK_JAVA_OPTIONS", options);
            await(builder.start());
            Files.deleteIfExists(dump);
            String[] said = Files.readString(figures).strip().split(" ");
            if (!said[3].equals("0")) {
                throw new Failed("failed with status " + said[3] + ":\n" + Files.readString(errors));
            }
            if (run >= 0) {
                wall[run] = Long.parseLong(said[0]) / 1e9;
                cpu[run] = Long.parseLong(said[1]) / 1e6;
                peak[run] = Long.parseLong(said[2]) / 1024.0;
            }
        }
        return command(wall, cpu, peak);
    }

    private Results.Command command(double[] seconds, double[] cpu, double[] peak) {
        DoubleSummaryStatistics range = Arrays.stream(seconds).summaryStatistics();
        return new Results.Command(
                seconds.length,
                Medians.of(seconds),
                range.getMin(),
                range.getMax(),
                Medians.of(cpu),
                Medians.of(peak),
                circumstances);
    }

    private static void await(Process process) throws IOException {
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }

    private void keep(String name, Attempt measuring) throws IOException {
        progress("%s", name);
        boolean again = true;
        for (int attempt = 0; again; attempt++) {
            try {
                Results.Command command = measuring.run();
                System.out.println(line(name, command));
                again = judge.again(name, command, attempt);
            } catch (Failed e) {
                System.out.printf("| %s | | failed | | | |%n", label(name));
                judge.failed(name + " " + e.getMessage());
                return;
            }
        }
    }

    private static String label(String name) {
        return name.substring(name.indexOf('/') + 1);
    }

    /** A row of the table. */
    static String line(String name, Results.Command command) {
        return String.format(
                Locale.ROOT,
                "| %s | %d | %.3g s (%.3g to %.3g) | %s | %s | %s |",
                label(name),
                command.runs(),
                command.wallSeconds(),
                command.shortestSeconds(),
                command.longestSeconds(),
                Double.isNaN(command.cpuSeconds()) ? "" : String.format(Locale.ROOT, "%.3g s", command.cpuSeconds()),
                Double.isNaN(command.peakMegabytes())
                        ? ""
                        : String.format(Locale.ROOT, "%.0f MiB", command.peakMegabytes()),
                goal(name, command));
    }

    private static String goal(String name, Results.Command command) {
        Goal goal = GOALS.get(name);
        if (goal == null) {
            return "";
        }
        String said = Tables.goal("time ≤ %.3g s", goal.seconds, command.wallSeconds());
        return goal.megabytes == 0
                ? said
                : said + "; "
                        + Tables.goal("memory ≤ %.3g MB", goal.megabytes, command.peakMegabytes() * (1 << 20) / 1e6);
    }
}
