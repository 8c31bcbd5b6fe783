// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.ThreadState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** A JVM of its own that reads a process: what becomes of the process when that JVM ends in some way? */
final class Reader {
    /** In how many parts it makes its rounds. */
    static final int PARTS = 4;

    private static final int SIGKILL = 9;

    /** The functions that change nothing in another process: it is the same before them as before the next other one. */
    private static final Set<String> READS = Set.of("open", "pread", "close", "ioctl", "process_vm_readv");

    private Reader() {}

    public static void main(String[] arguments) throws InterruptedException, IOException {
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
            // Looks at it again and again until it is ended.
            case "loop" -> {
                Look look = Look.valueOf(arguments[2]);
                Libc libc = FfmLibc.open();
                for (boolean going = false; ; ) {
                    if (look(look, pid, libc, target -> read(look, target)).isEmpty() && !going) {
                        System.out.println("going");
                        going = true;
                    }
                }
            }
            case "rounds" -> rounds(pid, Look.valueOf(arguments[2]), Integer.parseInt(arguments[3]));
            // Looks at it once, and kills itself before it makes a call. Otherwise says how many it has made: of a
            // process that it interrupts, only of those that could change it.
            case "die" -> {
                Look look = Look.valueOf(arguments[2]);
                LastCall last;
                do {
                    last = new LastCall(Integer.parseInt(arguments[3]), look.interrupts() ? READS : Set.of());
                } while (look(look, pid, new FakeLibc().beforeEach(last::before), target -> read(look, target))
                        .isPresent());
                System.out.println(last.calls);
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    /** Ends this JVM before a call of the C library. Asking again whether a thread has stopped is no call of its own. */
    private static final class LastCall {
        private final MethodHandle raise = Linker.nativeLinker()
                .downcallHandle(
                        Linker.nativeLinker().defaultLookup().findOrThrow("raise"),
                        FunctionDescriptor.of(JAVA_INT, JAVA_INT));

        private final int at;
        private final Set<String> notCounted;
        private int calls;
        private String before = "";

        LastCall(int at, Set<String> notCounted) {
            this.at = at;
            this.notCounted = notCounted;
        }

        synchronized void before(String function) {
            if (notCounted.contains(function) || function.equals("waitpid") && before.equals("waitpid")) {
                return;
            }
            before = function;
            if (++calls == at) {
                try {
                    int failed = (int) raise.invokeExact(SIGKILL);
                    throw new AssertionError("raise returned " + failed);
                } catch (Throwable e) {
                    throw new AssertionError(e);
                }
            }
        }
    }

    /**
     * Looks at it.
     *
     * @return why that was refused, if it was, as where a thread gets no processor to stop on; then nothing stays stopped
     */
    private static Optional<String> look(Look look, long pid, Libc libc, Consumer<Target> what) {
        boolean[] refused = {true};
        try {
            look.at(pid, libc, target -> {
                refused[0] = false;
                what.accept(target);
                refused[0] = true;
            });
            return Optional.empty();
        } catch (TargetException e) {
            if (!refused[0]) {
                throw e;
            }
            return Optional.of(e.getMessage());
        }
    }

    /**
     * Looks at it some times. After each part it says what it has of the kernel, and waits for a line.
     */
    private static void rounds(long pid, Look look, int rounds) throws IOException {
        Random random = new Random(4);
        Libc libc = FfmLibc.open();
        long[] threads = {0};
        long[] longest = {0};
        List<String> refused = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            int number = round;
            long begin = System.nanoTime();
            look(look, pid, libc, target -> {
                        longest[0] = Math.max(longest[0], System.nanoTime() - begin);
                        threads[0] += target.threads().size();
                        if (look.stops() && number % 3 == 1) {
                            goOn(target, random);
                        }
                        read(look, target);
                        if (look.stops() && number % 10 == 0) {
                            checkStill(pid);
                        }
                        pause(random.nextInt(3));
                    })
                    .ifPresent(refused::add);
            pause(random.nextInt(5));
            if ((round + 1) * PARTS / rounds > round * PARTS / rounds) {
                System.gc();
                System.out.println(Resources.of(ProcessHandle.current().pid()));
                if (System.in.read() < 0) {
                    return;
                }
            }
        }
        System.out.printf(
                "%d looks, %d more refused, %d threads in them, longest until the target was there %.1f ms %s%n",
                rounds - refused.size(), refused.size(), threads[0], longest[0] / 1e6, refused);
    }

    private static void pause(int milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Lets any threads go on for a moment, as if they were in the middle of a change. */
    private static void goOn(Target target, Random random) {
        int goes = 1 + random.nextInt(20);
        int[] asked = {0};
        target.settle(threads -> asked[0]++ < goes
                ? threads.stream().filter(_ -> random.nextInt(3) == 0).toList()
                : List.of());
    }

    /** Every thread that is not about to be gone stands still, and none was overlooked. */
    private static void checkStill(long pid) {
        try {
            Map<Long, String> states = CTarget.threads(pid);
            if (!states.values().stream().allMatch(state -> state.matches("t[1-9]\\d*|[ZX]\\d+"))) {
                throw new AssertionError("not all threads stand still: " + states);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Reads a bit of everything. */
    private static void read(Look look, Target target) {
        MemorySegment piece = MemorySegment.ofArray(new byte[1 << 12]);
        for (Mapping mapping : target.memory().mappings()) {
            if (mapping.readable() && mapping.writable()) {
                try {
                    target.memory().read(mapping.start(), piece.asSlice(0, Math.min(mapping.length(), 1 << 12)));
                } catch (TargetException e) {
                    if (look != Look.OBSERVE) {
                        throw e;
                    }
                    // What runs on unmaps what it has.
                }
            }
        }
        if (look != Look.OBSERVE) {
            for (ThreadState thread : target.threads()) {
                if (thread.registers().orElseThrow().threadPointer() == 0) {
                    throw new AssertionError("no thread pointer: " + thread.tid());
                }
            }
        }
    }

    /**
     * The command line of a JVM that reads a process.
     *
     * @param by what stands before it, such as {@code setpriv}
     * @param how what it does
     * @param pid the process
     * @param more what else it is told
     * @return the command line
     */
    static List<String> command(List<String> by, String how, long pid, String... more) {
        List<String> line = new ArrayList<>(by);
        line.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xshare:auto",
                "-XX:TieredStopAtLevel=1",
                // What it takes of memory is there from the beginning, so that whatever comes on top can be seen.
                "-Xms64m",
                "-Xmx64m",
                "-XX:+AlwaysPreTouch",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                Copy.CLASSES.toString(),
                Reader.class.getName(),
                how,
                Long.toString(pid)));
        line.addAll(List.of(more));
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
