// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A JVM of its own that reads a process: what becomes of the process when that JVM ends in some way? */
final class Reader {
    private Reader() {}

    public static void main(String[] arguments) throws InterruptedException {
        long pid = Long.parseLong(arguments[1]);
        switch (arguments[0]) {
            // Attaches and says what came of it.
            case "attach", "observe" -> {
                try (Target target = arguments[0].equals("attach") ? Target.attach(pid) : Target.observe(pid)) {
                    System.out.println("attached to " + target.description());
                } catch (TargetException e) {
                    System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
                }
            }
            // Attaches and ends without letting go: by System.exit, by an exception, or when somebody ends it.
            case "exit", "throw", "wait" -> {
                Target target = Target.attach(pid);
                System.out.println("attached");
                switch (arguments[0]) {
                    case "exit" -> System.exit(5);
                    case "throw" -> throw new IllegalStateException("on purpose, " + target.description());
                    default -> Thread.sleep(Long.MAX_VALUE);
                }
            }
            // The same while it holds what it observes.
            case "held-exit", "held-throw", "held-wait" -> {
                Target target = Target.observe(pid);
                Target.Stop stop = target.stop();
                System.out.println("attached");
                switch (arguments[0]) {
                    case "held-exit" -> System.exit(5);
                    case "held-throw" -> throw new IllegalStateException("on purpose, " + stop);
                    default -> Thread.sleep(Long.MAX_VALUE);
                }
            }
            // Is told to end in the very moment when a thread has been told to stop and has not been seen to do so.
            case "exit-early" -> {
                FakeLibc libc = new FakeLibc().lateStop(100, () -> new Thread(() -> System.exit(5)).start());
                LiveTarget.attach(pid, libc, ProcFs.ofThisMachine());
            }
            // Stops it again and again, and does nothing else, until it is told to end.
            case "stop" -> {
                Libc libc = FfmLibc.open();
                LiveProcess process = new LiveProcess(ProcFs.ofThisMachine(), pid);
                for (long round = 0; ; round++) {
                    Tracer.stop(libc, process).close();
                    if (round == 0) {
                        System.out.println("going");
                    }
                }
            }
            // Attaches again and again until it is killed.
            case "loop" -> {
                for (long round = 0; ; round++) {
                    try (Target target = Target.attach(pid)) {
                        target.memory()
                                .read(
                                        target.memory()
                                                .mappings()
                                                .list()
                                                .getFirst()
                                                .start(),
                                        MemorySegment.ofArray(new byte[1 << 16]));
                    }
                    if (round == 0) {
                        System.out.println("going");
                    }
                }
            }
            // Observes it, and holds it again and again until it is killed.
            case "hold" -> {
                Target target = Target.observe(pid);
                for (long round = 0; ; round++) {
                    try (var _ = target.stop()) {
                        for (Mapping mapping : target.memory().mappings()) {
                            target.memory().read(mapping.start(), MemorySegment.ofArray(new byte[1 << 12]));
                        }
                    }
                    if (round == 0) {
                        System.out.println("going");
                    }
                }
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    /**
     * The command line of a JVM that reads a process.
     *
     * @param by what stands before it, such as {@code setpriv}
     * @param how what it does
     * @param pid the process
     * @return the command line
     */
    static List<String> command(List<String> by, String how, long pid) {
        List<String> line = new ArrayList<>(by);
        line.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xshare:auto",
                "-XX:TieredStopAtLevel=1",
                "-Xmx64m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                Copy.CLASSES.toString(),
                Reader.class.getName(),
                how,
                Long.toString(pid)));
        return line;
    }

    /** A copy of the classes that every user can read; made by the JVM that starts others. */
    private static final class Copy {
        private static final Path CLASSES = classes();
    }

    private static void delete(Path folder) {
        List<Path> all;
        try (Stream<Path> tree = Files.walk(folder)) {
            all = tree.toList();
            for (Path each : all.reversed()) {
                Files.delete(each);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path classes() {
        try {
            Path copy = Files.createTempDirectory("heapwalk-classes");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(copy)));
            for (Class<?> each : List.of(Target.class, Reader.class)) {
                Path from = Path.of(URI.create(
                        each.getProtectionDomain().getCodeSource().getLocation().toString()));
                try (Stream<Path> files = Files.walk(from.resolve("dev"))) {
                    for (Path file : (Iterable<Path>) files::iterator) {
                        Path to = copy.resolve(from.relativize(file).toString());
                        if (Files.isDirectory(file)) {
                            Files.createDirectories(to);
                        } else {
                            Files.copy(file, to);
                        }
                    }
                }
            }
            new ProcessBuilder("chmod", "-R", "a+rX", copy.toString())
                    .inheritIO()
                    .start()
                    .waitFor();
            return copy;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
