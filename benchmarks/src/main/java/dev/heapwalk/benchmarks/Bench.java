// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.memory.TargetException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What {@code script/bench} runs: measurements in turns, each in a JVM of its own, their comparison with accepted ones,
 * the page.
 */
public final class Bench {
    private static final Path ACCEPTED = Path.of("benchmarks/accepted.json");
    private static final Path LATEST = Path.of("benchmarks/target/bench/results.json");
    private static final Path ERRORS = Path.of("benchmarks/target/bench/errors");
    private static final Path PAGE = Path.of("docs/benchmarks.md");
    private static final String FIGURES = "FIGURES ";
    private static final String FAILURE = "FAILURE ";
    /** On a machine that others use one bad run is no proof. */
    private static final int ATTEMPTS = 3;

    private static final int FORKS = 3;

    private final Arguments arguments;
    private final Results latest = Results.none();
    private final Results accepted = Results.read(ACCEPTED);
    private final Check check;
    // Of the time before anything runs: what is measured here is no load of others.
    private final Results.Circumstances circumstances = new Results.Circumstances(
            Machine.description(), Machine.commit(), LocalDate.now().toString(), Machine.loadBefore());
    private final Tables tables = new Tables();
    private final List<String> failures = new ArrayList<>();

    /** What was asked for could not be measured. */
    private static final class Unmeasured extends Exception {
        private static final long serialVersionUID = 1;

        private Unmeasured(String message) {
            super(message);
        }
    }

    private Bench(Arguments arguments) throws IOException {
        this.arguments = arguments;
        this.check = new Check(arguments.set(), accepted);
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
        try {
            if (!new Bench(Arguments.of(args)).run()) {
                System.exit(1);
            }
        } catch (Arguments.Refused e) {
            System.err.println("bench: " + e.getMessage());
            System.exit(2);
        } catch (Exception e) {
            System.err.println("bench: " + inALine(e));
            System.exit(1);
        }
    }

    /** What an exception says; the name of its type too where the text alone may say little. */
    private static String inALine(Exception e) {
        return (e instanceof TargetException ? e.getMessage() : e.toString())
                .strip()
                .replaceAll("\\s*\\R\\s*", " ");
    }

    private boolean run() throws Exception {
        System.out.printf(
                "%s%ncommit %s, load average %s%n%n",
                circumstances.machine(), circumstances.commit(), circumstances.load());
        List<Suite.Entry> chosen =
                Suite.entries().stream().filter(arguments::want).toList();
        latest.write(LATEST);
        Files.deleteIfExists(ERRORS);
        for (Suite.Entry entry : chosen) {
            try {
                measure(entry);
            } catch (Unmeasured e) {
                // The others are still worth to be measured.
                failures.add(e.getMessage());
                tables.failed(entry).forEach(System.out::println);
            }
        }
        if (arguments.names().stream().anyMatch(WholeCommands::areCalled)) {
            if (!chosen.isEmpty()) {
                System.out.println();
            }
            commands();
        }
        System.out.printf("%n%s holds these figures. The whole run took %s.%n", LATEST, duration());
        failures.forEach(failure -> System.err.println("bench: " + failure));
        if (arguments.accept() && arguments.check() && !failures.isEmpty()) {
            System.err.println("bench: nothing was accepted, since the check failed");
        } else if (arguments.accept()) {
            accepted.take(latest);
            accepted.write(ACCEPTED);
            Page.write(PAGE, accepted);
        }
        return failures.isEmpty();
    }

    /** With that of the build. */
    private static String duration() {
        long seconds = Long.getLong("build.seconds", 0)
                + ManagementFactory.getRuntimeMXBean().getUptime() / 1000;
        return "%d min %02d s".formatted(seconds / 60, seconds % 60);
    }

    /** Measures until it is as good as it must be. */
    private void measure(Suite.Entry entry) throws IOException, InterruptedException, Unmeasured {
        List<String> wrong = List.of();
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Results.Result result = new Results.Result(arguments.accept() ? median(entry) : fork(entry), circumstances);
            tables.rows(entry, result).forEach(System.out::println);
            latest.results().put(entry.name(), result);
            latest.write(LATEST);
            wrong = arguments.check() ? check.of(entry, result) : List.of();
            if (wrong.isEmpty()) {
                break;
            }
        }
        failures.addAll(wrong);
        if (arguments.check() && check.lacks(entry)) {
            lacking(entry.name());
        }
    }

    private void commands() {
        try {
            WholeCommands.run(arguments.names(), arguments.set(), circumstances, new WholeCommands.Judge() {
                @Override
                public boolean again(String name, Results.Command command, int attempt) throws IOException {
                    latest.commands().put(name, command);
                    latest.write(LATEST);
                    List<String> wrong = arguments.check() ? check.of(name, command) : List.of();
                    boolean again = !wrong.isEmpty() && attempt + 1 < ATTEMPTS;
                    if (!again) {
                        failures.addAll(wrong);
                    }
                    if (arguments.check() && check.lacks(name)) {
                        lacking(name);
                    }
                    return again;
                }

                @Override
                public void failed(String failure) {
                    failures.add(failure);
                }
            });
        } catch (IOException | RuntimeException e) {
            failures.add("not all commands can be measured: " + inALine(e));
        }
    }

    /** Whoever names something wants to know that it is as good as it was. */
    private void lacking(String name) {
        String said = name + " is not compared: no accepted figure";
        if (arguments.names().isEmpty()) {
            System.err.println("bench: " + said);
        } else {
            failures.add(said);
        }
    }

    /**
     * What is accepted is that of three JVMs which has the middle one of their ratios, that with a goal or else the
     * first: each compiles the same code a little otherwise, and others are held against it.
     */
    private Measurement median(Suite.Entry entry) throws IOException, InterruptedException, Unmeasured {
        List<Measurement> measured = new ArrayList<>();
        for (int i = 0; i < FORKS; i++) {
            measured.add(fork(entry));
        }
        Set<String> goals = entry.goals().keySet();
        measured.sort(Comparator.comparingDouble(each -> each.ratios().entrySet().stream()
                .filter(ratio -> goals.isEmpty() || goals.contains(ratio.getKey()))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(each.ways().get(Subject.JAVA).wallMs())));
        return measured.get(FORKS / 2);
    }

    /** Measures in a JVM of its own: what one has compiled for its target does not slow another. */
    private Measurement fork(Suite.Entry entry) throws IOException, InterruptedException, Unmeasured {
        boolean shortRun = arguments.set() == Suite.Set.SHORT;
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
                        shortRun ? "3" : arguments.set() == Suite.Set.FULL ? "20" : "5")
                .redirectError(ProcessBuilder.Redirect.appendTo(ERRORS.toFile()))
                .start();
        Measurement measurement = null;
        String reason = "";
        try (BufferedReader output =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                if (line.startsWith(FIGURES)) {
                    measurement = Results.measurement(line.substring(FIGURES.length()));
                } else if (line.startsWith(FAILURE)) {
                    reason = line.substring(FAILURE.length()) + "; ";
                }
            }
        }
        if (process.waitFor() != 0 || measurement == null) {
            throw new Unmeasured("%s can't be measured: %ssee %s".formatted(entry.name(), reason, ERRORS));
        }
        return measurement;
    }

    /** In the other JVM. */
    private static void one(String name, double warmUpSeconds, double seconds) throws Exception {
        Suite.Entry entry = Suite.entries().stream()
                .filter(each -> each.name().equals(name))
                .findFirst()
                .orElseThrow();
        try (Subject subject = entry.subject().get()) {
            subject.open();
            System.out.println(FIGURES + Results.text(new Turns(warmUpSeconds, seconds).measure(subject)));
        } catch (Exception e) {
            System.out.println(FAILURE + inALine(e));
            throw e;
        }
    }
}
