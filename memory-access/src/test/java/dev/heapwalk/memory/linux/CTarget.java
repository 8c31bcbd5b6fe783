// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.ThisMachine;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * A C program that runs. A shell stands between this JVM and the program: the JDK waits for its own children and would
 * take a child's stop for its end.
 */
final class CTarget implements AutoCloseable {
    private static final String SHELL =
            "exec 3<&0; \"$@\" <&3 3<&- & exec 3<&- <&-; echo $! >&2; wait $!; echo exit $? >&2";

    /** Fields of {@code /proc/PID/stat}, counted from the one behind the name. */
    private static final int STATE = 0;

    private static final int PARENT = 1;
    private static final int EXIT_SIGNAL = 35;
    private static final String SIGCHLD = "17";

    private final Process shell;
    private final BufferedReader out;
    private final BufferedReader err;
    private final BufferedWriter in;
    private final long pid;

    private CTarget(List<String> command) throws IOException {
        List<String> line = new ArrayList<>(List.of("sh", "-c", SHELL, "sh"));
        line.addAll(command);
        shell = new ProcessBuilder(line).start();
        out = new BufferedReader(new InputStreamReader(shell.getInputStream()));
        err = new BufferedReader(new InputStreamReader(shell.getErrorStream()));
        in = new BufferedWriter(new OutputStreamWriter(shell.getOutputStream()));
        pid = Long.parseLong(err.readLine());
    }

    static CTarget run(List<String> command) throws IOException {
        return new CTarget(command);
    }

    static CTarget start(String name, String source, String... arguments) throws IOException {
        Path program = CProgram.compile(name, source);
        List<String> command = new ArrayList<>(List.of(program.toString()));
        command.addAll(List.of(arguments));
        return new CTarget(command);
    }

    /** Starts one of the programs that lie beside the tests. */
    static CTarget program(String name, String... arguments) throws IOException {
        return start(name, source(name), arguments);
    }

    /** Starts a program that is always in the middle of something, and that notices whatever a reader does wrong. */
    static CTarget busy() throws IOException {
        CTarget program = program("busy", "known-as-" + UUID.randomUUID());
        String line = program.line();
        if (!line.equals("ready")) {
            throw new IOException(line);
        }
        return program;
    }

    static String source(String name) throws IOException {
        try (InputStream in = CTarget.class.getResourceAsStream(name + ".c")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    long pid() {
        return pid;
    }

    /** The next line that the program prints. */
    String line() throws IOException {
        String line = out.readLine();
        if (line == null) {
            throw new IOException("the program ended: " + err.readLine());
        }
        return line;
    }

    /** What a {@link #busy} program has noticed until now. */
    String check() throws IOException {
        say("check");
        return line();
    }

    long hex() throws IOException {
        return Long.parseUnsignedLong(line(), 16);
    }

    void say(String line) throws IOException {
        in.write(line + "\n");
        in.flush();
    }

    /** Ends the program's input. */
    void finish() throws IOException {
        in.close();
    }

    /** What the program's exit status was, as the shell tells it; waits for its end. */
    int exit() throws IOException {
        String line;
        while ((line = err.readLine()) != null) {
            if (line.startsWith("exit ")) {
                return Integer.parseInt(line.substring(5));
            }
        }
        throw new IOException("the shell did not tell the exit status");
    }

    /** Every thread's state letter and tracer, by its id, as /proc tells them. */
    Map<Long, String> threads() throws IOException {
        return threads(pid);
    }

    static Map<Long, String> threads(long pid) throws IOException {
        Map<Long, String> states = new TreeMap<>();
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + pid + "/task"))) {
            for (Path task : (Iterable<Path>) tasks::iterator) {
                try {
                    List<String> status = Files.readAllLines(task.resolve("status"), StandardCharsets.ISO_8859_1);
                    String state = value(status, "State:").substring(0, 1);
                    states.put(Long.parseLong(task.getFileName().toString()), state + value(status, "TracerPid:"));
                } catch (IOException e) {
                    // It ended since it was listed.
                }
            }
        }
        return states;
    }

    private static String value(List<String> lines, String key) {
        return lines.stream()
                .filter(line -> line.startsWith(key))
                .map(line -> line.substring(key.length()).strip())
                .findFirst()
                .orElseThrow();
    }

    /** Whether no thread is stopped or traced. */
    boolean untouched() throws IOException {
        return threads().values().stream().allMatch(state -> state.matches("[RSDZXI]0"));
    }

    /** Waits until every thread is in a state that matches. */
    void await(String states) throws IOException, InterruptedException {
        for (long begin = System.nanoTime(); System.nanoTime() - begin < ThisMachine.PATIENCE.toNanos(); ) {
            if (threads().values().stream().allMatch(state -> state.matches(states))) {
                return;
            }
            Thread.sleep(5);
        }
        throw new AssertionError("the threads are not " + states + " but " + threads());
    }

    /**
     * Copies of the program that it has not made itself, dead ones too, each with its state: children whose end is told
     * by no signal, and what runs the same program with the same arguments and has another parent.
     */
    List<String> copies() throws IOException {
        List<String> found = new ArrayList<>();
        byte[] ownLine = Files.readAllBytes(Path.of("/proc/" + pid + "/cmdline"));
        long ownParent = Long.parseLong(stat(Path.of("/proc/" + pid))[PARENT]);
        try (Stream<Path> all = Files.list(Path.of("/proc"))) {
            for (Path each : (Iterable<Path>) all::iterator) {
                String name = each.getFileName().toString();
                if (!Character.isDigit(name.charAt(0)) || name.equals(Long.toString(pid))) {
                    continue;
                }
                try {
                    String[] stat = stat(each);
                    long parent = Long.parseLong(stat[PARENT]);
                    boolean strange = parent == pid
                            ? !stat[EXIT_SIGNAL].equals(SIGCHLD)
                            : parent != ownParent
                                    && Arrays.equals(ownLine, Files.readAllBytes(each.resolve("cmdline")));
                    if (strange) {
                        found.add(name + " " + stat[STATE]);
                    }
                } catch (IOException e) {
                    // It ended since it was listed.
                }
            }
        }
        return found;
    }

    /** The fields of a process's {@code stat} behind its name. */
    private static String[] stat(Path process) throws IOException {
        String stat = Files.readString(process.resolve("stat"), StandardCharsets.ISO_8859_1);
        return stat.substring(stat.lastIndexOf(')') + 2).strip().split(" ");
    }

    /** Waits until its copies are as they should be. */
    void awaitCopies(Predicate<List<String>> asTheyShould) throws IOException, InterruptedException {
        for (long begin = System.nanoTime(); !asTheyShould.test(copies()); Thread.sleep(5)) {
            if (System.nanoTime() - begin > ThisMachine.PATIENCE.toNanos()) {
                throw new AssertionError("copies of " + pid + ": " + copies());
            }
        }
    }

    @Override
    public void close() throws IOException {
        ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
        in.close();
        try {
            shell.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
