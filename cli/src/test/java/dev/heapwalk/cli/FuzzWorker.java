// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.cli.output.Failure;
import dev.heapwalk.testkit.ThisMachine;
import dev.heapwalk.testkit.fuzz.FuzzInput;
import dev.heapwalk.testkit.fuzz.FuzzSeed;
import java.io.ByteArrayInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Runs commands on harmed inputs, one after the other, in the JVM that it is started in. Tells its parent of each input
 * that is done, by lines on what was standard output. Ends the JVM at a command that goes on for too long.
 */
final class FuzzWorker {
    /** How much time of the processors a command may take. Sound inputs take less than two seconds. */
    private static final long MOST_CPU_NANOS = 5_000_000_000L;

    private static final long MOST_WALL_NANOS = ThisMachine.PATIENCE.toNanos();
    private static final long MOST_OUTPUT = 256 << 20;
    private static final long MOST_RESIDENT_KIB = 1 << 20;
    private static final int CHECKED = 64;
    /** The JVM's own compilers come and go. */
    private static final int MORE_THREADS = 8;

    static final int TOO_LONG = 99;
    /** Told when all is made ready. */
    static final String BEGINS = "begins";

    private final Path folder;
    private final Path out;
    private final Path err;
    private final PrintStream parent;
    private final String keep;
    private final List<FuzzSeed> seeds;
    private final Map<FuzzSeed, byte[]> arenas = new HashMap<>();
    private final FuzzCommands commands;
    private final Thread runner = Thread.currentThread();

    private volatile long begunWall = -1;
    private volatile long begunCpu;
    private volatile long number = -1;
    private volatile String what = "";

    private FuzzWorker(List<FuzzSeed> seeds, Path folder, String keep, PrintStream parent) {
        this.keep = keep;
        this.seeds = seeds;
        this.folder = folder;
        this.parent = parent;
        commands = new FuzzCommands(folder);
        out = folder.resolve("out");
        err = folder.resolve("err");
    }

    /**
     * Arguments: seed, first number, number behind the last, which of how many workers this is, folder to work in,
     * folder that each input is copied to ("-" for none), folders of kept seeds.
     */
    public static void main(String[] arguments) throws Throwable {
        long seed = Long.parseLong(arguments[0]);
        Path folder = Path.of(arguments[5]);
        List<FuzzSeed> seeds = Stream.of(arguments)
                .skip(7)
                .map(kept -> FuzzSeed.open(Path.of(kept), folder))
                .toList();
        try (FileOutputStream stream = new FileOutputStream("/proc/self/fd/" + Descriptors.copy(1));
                PrintStream parent = new PrintStream(stream, true, StandardCharsets.UTF_8)) {
            FuzzWorker worker = new FuzzWorker(seeds, folder, arguments[6], parent);
            Thread.ofPlatform().daemon().name("watch").start(worker::watch);
            worker.run(
                    seed,
                    Long.parseLong(arguments[1]),
                    Long.parseLong(arguments[2]),
                    Integer.parseInt(arguments[3]),
                    Integer.parseInt(arguments[4]));
        } catch (Throwable failure) {
            failure.printStackTrace();
            System.exit(1);
        }
        System.exit(0);
    }

    private void run(long seed, long from, long to, int which, int workers) throws Throwable {
        // The standard streams are in the folder from now on.
        command(List.of("--version"), "sound");
        parent.println(BEGINS);
        long[] open = resources();
        for (long i = Fuzz.next(from, which, workers); i < to; i = Fuzz.next(i + 1, which, workers)) {
            number = i;
            try (FuzzInput input = FuzzInput.of(seeds, seed, i)) {
                what = input.toString();
                if (!keep.equals("-")) {
                    parent.println("input " + i + ": " + input.describe());
                    input.copy(Path.of(keep).resolve("input-" + i));
                }
                run(input);
            }
            if (i % CHECKED == CHECKED - 1) {
                long[] now = collected(open);
                if (now[0] > open[0]
                        || now[1] > open[1]
                        || now[2] > open[2] + MORE_THREADS
                        || now[3] > MOST_RESIDENT_KIB) {
                    finding(
                            "",
                            "left open, after some of the last %d inputs: descriptors %d -> %d, mappings %d -> %d, threads %d -> %d, KiB resident %d -> %d"
                                    .formatted(
                                            CHECKED, open[0], now[0], open[1], now[1], open[2], now[2], open[3],
                                            now[3]));
                    open = now;
                }
            }
            parent.println("done " + i);
            if (parent.checkError()) {
                throw new IOException("nobody listens any more");
            }
        }
    }

    private void run(FuzzInput input) throws Throwable {
        int most = input.seed().isRuby() || input.seed().isPython() ? 1 : 2;
        for (int i = 0; i < most; i++) {
            FuzzCommand command = commands.next(input, sound -> command(sound, "sound"));
            List<String> arguments = command.arguments();
            System.setIn(new ByteArrayInputStream(command.typed().getBytes(StandardCharsets.UTF_8)));
            Result result = command(arguments, "");
            parent.println("status " + result.status);
            if (!keep.equals("-")) {
                parent.println("command " + String.join(" ", arguments) + ": status " + result.status + ", "
                        + result.out.length + " bytes");
                new String(result.err, StandardCharsets.UTF_8).lines().forEach(line -> parent.println("  " + line));
            }
            Optional<String> complaint = result.out.length > MOST_OUTPUT
                    ? Optional.of("output of " + result.out.length + " bytes")
                    : FuzzOracle.complaint(arguments, result.status, result.out, result.err);
            if (complaint.isPresent()) {
                List<String> verbose = new ArrayList<>(arguments);
                verbose.add("--verbose");
                String said = new String(
                        result.status == Failure.OTHER ? command(verbose, "").err : result.err, StandardCharsets.UTF_8);
                finding(
                        String.join(" ", arguments),
                        complaint.get() + ": " + said.lines().limit(12).toList());
            }
        }
        if (!input.touchesMalloc()) {
            List<String> arguments =
                    List.of("arenas", "--format", "jsonl", input.core().toString());
            Result result = command(arguments, "");
            FuzzOracle.same(soundArenas(input.seed()), result.out)
                    .ifPresent(complaint -> finding(String.join(" ", arguments), complaint));
        }
    }

    /** What malloc holds in the sound core. */
    private byte[] soundArenas(FuzzSeed seed) throws Throwable {
        byte[] known = arenas.get(seed);
        if (known == null) {
            known = command(
                            List.of(
                                    "arenas",
                                    "--format",
                                    "jsonl",
                                    seed.soundCore().toString()),
                            "sound")
                    .out;
            arenas.put(seed, known);
        }
        return known;
    }

    private record Result(int status, byte[] out, byte[] err) {}

    private Result command(List<String> arguments, String sound) throws Throwable {
        Descriptors.become(1, out.toString());
        Descriptors.become(2, err.toString());
        long begun = System.nanoTime();
        String before = what;
        what = before + " : " + String.join(" ", arguments);
        begunCpu = cpu();
        begunWall = begun;
        int status = Heapwalk.run(arguments.toArray(String[]::new));
        begunWall = -1;
        System.out.flush();
        what = before;
        if (System.nanoTime() - begun > 2_000_000_000L) {
            parent.println("slow %d: %.1f s, %.1f s of the processors: %s"
                    .formatted(
                            number,
                            (System.nanoTime() - begun) / 1e9,
                            (cpu() - begunCpu) / 1e9,
                            String.join(" ", arguments)));
        }
        if (!sound.isEmpty() && status == Failure.OTHER) {
            throw new IOException(arguments + " fails on a sound core: " + Files.readString(err));
        }
        return new Result(
                status, Files.size(out) > MOST_OUTPUT ? new byte[0] : Files.readAllBytes(out), Files.readAllBytes(err));
    }

    /** Nanoseconds that all threads of this JVM took of the processors. The kernel counts in hundredths of a second. */
    private static long cpu() {
        try {
            String stat = Files.readString(Path.of("/proc/self/stat"));
            String[] behindName = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            return (Long.parseLong(behindName[11]) + Long.parseLong(behindName[12])) * 10_000_000;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Ends the JVM where a command takes too long, and says where it stands. */
    private void watch() {
        while (true) {
            try {
                Thread.sleep(500);
            } catch (InterruptedException e) {
                return;
            }
            long begun = begunWall;
            if (begun >= 0 && (cpu() - begunCpu > MOST_CPU_NANOS || System.nanoTime() - begun > MOST_WALL_NANOS)) {
                StringBuilder where = new StringBuilder();
                for (StackTraceElement frame : runner.getStackTrace()) {
                    where.append(" < ").append(frame);
                }
                finding("", "it goes on after %.0f s:%s".formatted((System.nanoTime() - begun) / 1e9, where));
                Runtime.getRuntime().halt(TOO_LONG);
            }
        }
    }

    private void finding(String command, String complaint) {
        parent.println(("finding " + number + ": " + complaint + " | " + what + " | " + command).replace('\n', ' '));
    }

    /** Descriptors and mappings of what is in the folder of the work, threads, and KiB of anonymous memory. */
    private long[] resources() throws IOException {
        String work = folder.toString();
        long descriptors;
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            descriptors = open.filter(link -> {
                        try {
                            return Files.readSymbolicLink(link).toString().startsWith(work);
                        } catch (IOException e) {
                            return false;
                        }
                    })
                    .count();
        }
        long mappings;
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            mappings = lines.filter(line -> line.contains(work)).count();
        }
        return new long[] {descriptors, mappings, status("Threads:"), status("RssAnon:")};
    }

    /** Mappings of files go when the collector finds that nobody has them any more, and its cleaner has run. */
    private long[] collected(long[] before) throws IOException, InterruptedException {
        long[] now = resources();
        for (int i = 0; i < 20 && (now[0] > before[0] || now[1] > before[1]); i++) {
            System.gc();
            Thread.sleep(20);
            now = resources();
        }
        return now;
    }

    private static long status(String field) throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(line -> line.startsWith(field))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst()
                    .orElseThrow();
        }
    }
}
