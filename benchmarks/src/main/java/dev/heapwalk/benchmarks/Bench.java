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
import java.util.List;

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

    private static final int MORE_PATIENCE = 3;

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
        if (args.length == 5 && args[0].equals("one")) {
            one(args[1], Double.parseDouble(args[2]), Double.parseDouble(args[3]), Integer.parseInt(args[4]));
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
        List<Subject<?>> chosen =
                Suite.subjects().stream().filter(arguments::want).toList();
        latest.write(LATEST);
        Files.deleteIfExists(ERRORS);
        for (Subject<?> subject : chosen) {
            try {
                measure(subject);
            } catch (Unmeasured e) {
                // The others are still worth to be measured.
                failures.add(e.getMessage());
                tables.failed(subject).forEach(System.out::println);
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
    private void measure(Subject<?> subject) throws IOException, InterruptedException, Unmeasured {
        List<String> wrong = List.of();
        int patience = 1;
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Results.Result result =
                    new Results.Result(arguments.accept() ? median(subject) : fork(subject, patience), circumstances);
            tables.rows(subject, result).forEach(System.out::println);
            latest.results().put(subject.name(), result);
            latest.write(LATEST);
            wrong = arguments.check() ? check.of(subject, result) : List.of();
            if (wrong.isEmpty()) {
                break;
            }
            if (arguments.set() == Suite.Set.SHORT) {
                // It may be that what is measured was not compiled for good: others had the processors.
                patience *= MORE_PATIENCE;
            }
        }
        failures.addAll(wrong);
        if (arguments.check() && check.lacks(subject)) {
            lacking(subject.name());
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

    /** What is accepted is the median of several JVMs: each compiles the same code a little otherwise. */
    private Measurement median(Subject<?> subject) throws IOException, InterruptedException, Unmeasured {
        List<Measurement> measured = new ArrayList<>();
        for (int i = 0; i < FORKS; i++) {
            measured.add(fork(subject, 1));
        }
        return Measurement.median(measured);
    }

    /** Measures in a JVM of its own: what one has compiled for its target does not slow another. */
    private Measurement fork(Subject<?> subject, int patience) throws IOException, InterruptedException, Unmeasured {
        boolean shortRun = arguments.set() == Suite.Set.SHORT;
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-Xmx1g",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Bench.class.getName(),
                        "one",
                        subject.name(),
                        shortRun ? "1.5" : "2",
                        shortRun ? "3" : arguments.set() == Suite.Set.FULL ? "20" : "5",
                        Integer.toString(patience))
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
            throw new Unmeasured("%s can't be measured: %ssee %s".formatted(subject.name(), reason, ERRORS));
        }
        return measurement;
    }

    /** In the other JVM. */
    private static void one(String name, double warmUpSeconds, double seconds, int patience) throws Exception {
        Subject<?> subject = Suite.subject(name).orElseThrow();
        try (Opened opened = subject.open()) {
            Turns turns = new Turns(warmUpSeconds, seconds, patience);
            System.out.println(FIGURES + Results.text(turns.measure(opened, subject.slowToWarmUp())));
        } catch (Exception e) {
            System.out.println(FAILURE + inALine(e));
            throw e;
        }
    }
}
