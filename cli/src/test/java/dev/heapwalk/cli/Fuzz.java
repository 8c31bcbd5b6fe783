// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.testkit.fuzz.Seeds;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Runs harmed inputs in JVMs of their own with 256 MiB, and in another where one did not end. Of an even number of
 * workers each takes every so many blocks of numbers. Every other block is run without checks of what is read, as users
 * run the command. {@code script/fuzz} runs it.
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

    /** So many numbers are run one after the other by one worker. */
    private static final int BLOCK = 250;

    private final Tally tally;
    private final int which;
    private final int workers;
    private long next;
    /** Whether the worker that runs now has made ready all that it needs. */
    private boolean begun;

    /** What all workers have come to. */
    private static final class Tally {
        private final Consumer<String> progress;
        private final List<String> findings = new ArrayList<>();
        private final Map<Integer, Long> statuses = new TreeMap<>();
        private long ran;

        private Tally(Consumer<String> progress) {
            this.progress = progress;
        }

        synchronized void say(String line) {
            progress.accept(line);
        }

        synchronized void found(String finding) {
            findings.add(finding);
            progress.accept(finding);
        }

        synchronized void ended(int status) {
            statuses.merge(status, 1L, Long::sum);
        }

        synchronized void ran() {
            if (++ran % 1000 == 0) {
                progress.accept("%,d inputs, %d findings".formatted(ran, findings.size()));
            }
        }
    }

    private Fuzz(Tally tally, int which, int workers) {
        this.tally = tally;
        this.which = which;
        this.workers = workers;
    }

    /** The first number from one on that one of several workers runs. */
    static long next(long number, int which, int workers) {
        long block = number / BLOCK;
        long away = Math.floorMod(which - block, workers);
        return away == 0 ? number : (block + away) * BLOCK;
    }

    /**
     * Runs the inputs from one number to another, which is not run. Copies them to a folder unless that is "-".
     *
     * @param workers an even number
     */
    static Outcome run(long seed, long from, long to, String keep, int workers, Consumer<String> progress)
            throws IOException {
        progress.accept("making ready what is to be harmed");
        List<Path> seeds = Seeds.prepared();
        Tally tally = new Tally(progress);
        List<CompletableFuture<Void>> all = IntStream.range(0, workers)
                .mapToObj(which -> CompletableFuture.runAsync(
                        () -> new Fuzz(tally, which, workers).work(seeds, seed, from, to, keep),
                        work -> Thread.ofPlatform().start(work)))
                .toList();
        all.forEach(CompletableFuture::join);
        return new Outcome(tally.ran, tally.statuses, tally.findings);
    }

    private void work(List<Path> seeds, long seed, long from, long to, String keep) {
        try {
            next = next(from, which, workers);
            while (next < to) {
                Path folder = Files.createTempDirectory("heapwalk-fuzz");
                try {
                    work(seeds, seed, to, keep, folder);
                } finally {
                    delete(folder);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void work(List<Path> seeds, long seed, long to, String keep, Path folder) throws IOException {
        List<String> line = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-ea",
                "-Dheapwalk.check=" + (which % 2 == 0),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                FuzzWorker.class.getName(),
                Long.toString(seed),
                Long.toString(next),
                Long.toString(to),
                Integer.toString(which),
                Integer.toString(workers),
                folder.toString(),
                keep));
        seeds.forEach(kept -> line.add(kept.toString()));
        File errors = folder.resolve("errors").toFile();
        ProcessBuilder builder = new ProcessBuilder(line).redirectError(errors);
        builder.environment().put("LC_ALL", "C.UTF-8");
        Process process = builder.start();
        process.getOutputStream().close();
        begun = false;
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String said; (said = reader.readLine()) != null; ) {
                heard(said);
            }
            int status = process.waitFor();
            if (next < to) {
                String failure = Files.readString(errors.toPath());
                if (!begun) {
                    throw new IOException("a worker could not begin: " + failure);
                }
                if (status != FuzzWorker.TOO_LONG) {
                    tally.found("finding %d: the JVM ended with status %d: %s"
                            .formatted(next, status, failure.lines().limit(20).collect(Collectors.joining(" "))));
                }
                tally.ran();
                next = next(next + 1, which, workers);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        } finally {
            process.destroyForcibly();
        }
    }

    private void heard(String said) {
        if (said.equals(FuzzWorker.BEGINS)) {
            begun = true;
        } else if (said.startsWith("done ")) {
            tally.ran();
            next = next(Long.parseLong(said.substring(5)) + 1, which, workers);
        } else if (said.startsWith("status ")) {
            tally.ended(Integer.parseInt(said.substring(7)));
        } else if (said.startsWith("finding ")) {
            tally.found(said);
        } else {
            tally.say(said);
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    /** Arguments: seed, first number, how many, folder to copy inputs to or "-", how many workers. */
    public static void main(String[] arguments) throws IOException {
        long seed = Long.parseLong(arguments[0]);
        long from = Long.parseLong(arguments[1]);
        long begun = System.nanoTime();
        Outcome outcome = run(
                seed,
                from,
                from + Long.parseLong(arguments[2]),
                arguments[3],
                Integer.parseInt(arguments[4]),
                line -> System.out.println("fuzz: " + line));
        double seconds = (System.nanoTime() - begun) / 1e9;
        System.out.printf(
                "fuzz: %,d inputs of seed %d in %.0f s, %.1f a second, %,d findings; command lines by exit status: %s%n",
                outcome.ran(),
                seed,
                seconds,
                outcome.ran() / seconds,
                outcome.findings().size(),
                outcome.statuses());
        System.exit(outcome.findings().isEmpty() ? 0 : 1);
    }
}
