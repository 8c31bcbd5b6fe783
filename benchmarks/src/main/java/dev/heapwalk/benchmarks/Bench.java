// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What {@code script/bench} runs: measurements in turns, each in a JVM of its own, their comparison with accepted ones, the page. */
public final class Bench {
    private static final Path ACCEPTED = Path.of("benchmarks/accepted.json");
    private static final Path LATEST = Path.of("benchmarks/target/bench/results.json");
    private static final Path PAGE = Path.of("docs/benchmarks.md");
    private static final String FIGURES = "FIGURES ";
    /** A ratio that has grown by more than this is a regression. */
    private static final double TOLERANCE = 1.10;
    /** Whatever was accepted: no walker takes longer than so many times its floor. */
    private static final double WIDE = 1.5;
    /** Wall time is compared only where both runs had the machine to themselves. */
    private static final double CALM = 1.0;
    private static final int ATTEMPTS = 3;

    private final Suite.Set set;
    private final boolean check;
    private final List<String> names;
    private final Results latest = Results.none();
    private final Results accepted = Results.read(ACCEPTED);
    private final List<String> failures = new ArrayList<>();

    private Bench(Suite.Set set, boolean check, List<String> names) throws IOException {
        this.set = set;
        this.check = check;
        this.names = names;
    }

    /**
     * Measures.
     *
     * @param args see {@code script/bench --help}
     * @throws Exception if something can't be measured
     */
    public static void main(String[] args) throws Exception {
        if (args.length == 4 && args[0].equals("one")) {
            one(args[1], Double.parseDouble(args[2]), Double.parseDouble(args[3]));
            return;
        }
        Suite.Set set = Suite.Set.QUICK;
        boolean check = false;
        boolean accept = false;
        List<String> names = new ArrayList<>();
        for (String arg : args) {
            switch (arg) {
                case "--short" -> set = Suite.Set.SHORT;
                case "--full" -> set = Suite.Set.FULL;
                case "--check" -> check = true;
                case "--accept" -> accept = true;
                default -> names.add(arg);
            }
        }
        Bench bench = new Bench(set, check, names);
        boolean good = bench.run();
        if (accept) {
            bench.accepted.take(bench.latest);
            bench.accepted.write(ACCEPTED);
            Page.write(PAGE, bench.accepted);
        }
        if (!good) {
            System.exit(1);
        }
    }

    private boolean run() throws Exception {
        String machine = Machine.description();
        System.out.printf("%s%ncommit %s, load average %s%n%n", machine, Machine.commit(), Machine.load());
        List<Suite.Entry> chosen = Suite.entries().stream().filter(this::isWanted).toList();
        boolean commands = WholeCommands.areWanted(names);
        if (chosen.isEmpty() && !commands) {
            throw new IllegalArgumentException("nothing is called " + String.join(" or ", names));
        }
        if (!chosen.isEmpty()) {
            System.out.println(Page.HEADING);
        }
        for (Suite.Entry entry : chosen) {
            measure(entry, machine);
        }
        if (commands) {
            failures.addAll(WholeCommands.run(names, set, name -> circumstances(machine), latest));
        }
        latest.write(LATEST);
        System.out.printf("%n%s holds these figures.%n", LATEST);
        if (failures.isEmpty()) {
            return true;
        }
        failures.forEach(failure -> System.err.println("bench: " + failure));
        return false;
    }

    private boolean isWanted(Suite.Entry entry) {
        return names.isEmpty()
                ? entry.set().compareTo(set) <= 0
                : names.stream().anyMatch(name -> entry.name().equals(name)
                        || entry.name().startsWith(name + "/") && entry.set().compareTo(set) <= 0);
    }

    private static Results.Circumstances circumstances(String machine) {
        try {
            return new Results.Circumstances(machine, Machine.commit(), LocalDate.now().toString(), Machine.load());
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** Measures until it is as good as it must be; on a machine that others use one bad run is no proof. */
    private void measure(Suite.Entry entry, String machine) throws Exception {
        List<String> wrong = List.of();
        for (int attempt = 0; attempt < (check ? ATTEMPTS : 1); attempt++) {
            Results.Circumstances circumstances = circumstances(machine);
            Results.Result result = new Results.Result(fork(entry), circumstances);
            System.out.println(Page.line(entry, result));
            latest.results().put(entry.name(), result);
            wrong = check ? compare(entry, result) : List.of();
            if (wrong.isEmpty()) {
                return;
            }
        }
        failures.addAll(wrong);
    }

    private List<String> compare(Suite.Entry entry, Results.Result result) {
        List<String> wrong = new ArrayList<>();
        Measurement.Way ours = result.measurement().ways().get(Subject.JAVA);
        if (!entry.allocates() && ours.allocated() >= 1) {
            wrong.add(String.format(Locale.ROOT, "%s allocates %.0f B/op", entry.name(), ours.allocated()));
        }
        if (set == Suite.Set.SHORT) {
            double ratio = result.measurement().ratios().getOrDefault("c cpu", 0.0);
            if (ratio > WIDE) {
                wrong.add(String.format(
                        Locale.ROOT, "%s takes %.2f times the CPU time of C, more than %.2f", entry.name(), ratio, WIDE));
            }
            return wrong;
        }
        Results.Result before = accepted.results().get(entry.name());
        if (before == null) {
            return wrong;
        }
        boolean calm = before.circumstances().load() < CALM && result.circumstances().load() < CALM;
        for (Map.Entry<String, Double> ratio : result.measurement().ratios().entrySet()) {
            Double then = before.measurement().ratios().get(ratio.getKey());
            if (then != null && (calm || ratio.getKey().endsWith("cpu")) && ratio.getValue() > then * TOLERANCE) {
                wrong.add(String.format(Locale.ROOT, "%s: the ratio to %s is %.2f, and was %.2f (%s)",
                        entry.name(), ratio.getKey(), ratio.getValue(), then, before.circumstances().commit()));
            }
        }
        return wrong;
    }

    /** Measures in a JVM of its own: what one has compiled for its target does not slow another. */
    private Measurement fork(Suite.Entry entry) throws IOException, InterruptedException {
        boolean shortRun = set == Suite.Set.SHORT;
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-Xmx1g",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Bench.class.getName(),
                        "one",
                        entry.name(),
                        shortRun ? "1.5" : "2",
                        shortRun ? "3" : set == Suite.Set.FULL ? "20" : "5")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        Measurement measurement = null;
        try (BufferedReader output =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                if (line.startsWith(FIGURES)) {
                    measurement = Results.measurement(line.substring(FIGURES.length()));
                }
            }
        }
        if (process.waitFor() != 0 || measurement == null) {
            throw new IllegalStateException(entry.name() + " failed");
        }
        return measurement;
    }

    private static void one(String name, double warmUpSeconds, double seconds) throws Exception {
        Suite.Entry entry = Suite.entries().stream().filter(each -> each.name().equals(name)).findFirst().orElseThrow();
        try (Subject subject = entry.subject().get()) {
            subject.open();
            System.out.println(FIGURES + Results.text(new Turns(warmUpSeconds, seconds).measure(subject)));
        }
    }
}
