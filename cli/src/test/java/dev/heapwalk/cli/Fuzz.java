// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.testkit.fuzz.Seeds;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Runs harmed inputs in a JVM of their own with 256 MiB, and in another where one did not end.
 * {@code script/fuzz} runs it.
 */
final class Fuzz {
    /** The seed of the inputs that each build runs. */
    static final long SEED = 1;

    /**
     * What came of it.
     *
     * @param ran how many inputs were run
     * @param statuses how many command lines ended with each exit status
     * @param findings a line each
     */
    record Outcome(long ran, Map<Integer, Long> statuses, List<String> findings) {}

    private final Consumer<String> progress;
    private final List<String> findings = new ArrayList<>();
    private final Map<Integer, Long> statuses = new TreeMap<>();
    private long ran;
    private long next;

    private Fuzz(Consumer<String> progress) {
        this.progress = progress;
    }

    /** Runs the inputs from one number to another, which is not run. Copies them to a folder unless that is "-". */
    static Outcome run(long seed, long from, long to, String keep, Consumer<String> progress) throws IOException {
        progress.accept("making ready what is to be harmed");
        List<Path> seeds = Seeds.prepared();
        Fuzz fuzz = new Fuzz(progress);
        fuzz.next = from;
        while (fuzz.next < to) {
            Path folder = Files.createTempDirectory("heapwalk-fuzz");
            try {
                fuzz.work(seeds, seed, to, keep, folder);
            } finally {
                delete(folder);
            }
        }
        return new Outcome(fuzz.ran, fuzz.statuses, fuzz.findings);
    }

    private void work(List<Path> seeds, long seed, long to, String keep, Path folder) throws IOException {
        List<String> line = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-ea",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                FuzzWorker.class.getName(),
                Long.toString(seed),
                Long.toString(next),
                Long.toString(to),
                folder.toString(),
                keep));
        seeds.forEach(kept -> line.add(kept.toString()));
        File errors = folder.resolve("errors").toFile();
        ProcessBuilder builder = new ProcessBuilder(line).redirectError(errors);
        builder.environment().put("LC_ALL", "C.UTF-8");
        Process process = builder.start();
        process.getOutputStream().close();
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String said; (said = reader.readLine()) != null; ) {
                heard(said);
            }
            int status = process.waitFor();
            if (next < to) {
                if (status != FuzzWorker.TOO_LONG) {
                    findings.add("finding %d: the JVM ended with status %d: %s"
                            .formatted(
                                    next,
                                    status,
                                    Files.readString(errors.toPath())
                                            .lines()
                                            .limit(20)
                                            .collect(Collectors.joining(" "))));
                    progress.accept(findings.getLast());
                }
                ran++;
                next++;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        } finally {
            process.destroyForcibly();
        }
    }

    private void heard(String said) {
        if (said.startsWith("done ")) {
            ran++;
            next = Long.parseLong(said.substring(5)) + 1;
            if (ran % 1000 == 0) {
                progress.accept("%,d inputs, %d findings".formatted(ran, findings.size()));
            }
        } else if (said.startsWith("status ")) {
            statuses.merge(Integer.parseInt(said.substring(7)), 1L, Long::sum);
        } else {
            if (said.startsWith("finding ")) {
                findings.add(said);
            }
            progress.accept(said);
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    /** Arguments: seed, first number, how many, folder to copy inputs to or "-". */
    public static void main(String[] arguments) throws IOException {
        long seed = Long.parseLong(arguments[0]);
        long from = Long.parseLong(arguments[1]);
        long begun = System.nanoTime();
        Outcome outcome = run(
                seed,
                from,
                from + Long.parseLong(arguments[2]),
                arguments[3],
                line -> System.out.println("fuzz: " + line));
        System.out.printf(
                "fuzz: %,d inputs of seed %d in %.0f s, %,d findings; command lines by exit status: %s%n",
                outcome.ran(),
                seed,
                (System.nanoTime() - begun) / 1e9,
                outcome.findings().size(),
                outcome.statuses());
        System.exit(outcome.findings().isEmpty() ? 0 : 1);
    }
}
