// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * A target that is told commands on its standard input and answers on its output, a line each; every answer ends with a
 * line of its own. It ends with the conversation, and with the JVM.
 */
final class Conversation {
    private static final long PATIENCE_SECONDS = ThisMachine.PATIENCE.toSeconds();
    private static final String END = "END";
    private static final ScheduledExecutorService WATCH = Executors.newSingleThreadScheduledExecutor(work -> {
        Thread thread = new Thread(work, "target-watch");
        thread.setDaemon(true);
        return thread;
    });
    private static final Set<Process> LIVING = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> LIVING.forEach(Process::destroyForcibly)));
    }

    private final String subject;
    private final Process process;
    private final BufferedReader answers;
    private List<String> told = List.of();

    private Conversation(String subject, Process process) {
        this.subject = subject;
        this.process = process;
        this.answers = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.ISO_8859_1));
    }

    /**
     * Starts a target and waits until it is ready.
     *
     * @param subject what failures name
     * @param builder the target's command and what belongs to it
     * @return the conversation, to be ended
     * @throws IOException if it can't be started, or fails
     */
    static Conversation start(String subject, ProcessBuilder builder) throws IOException {
        Process process = Grandchild.start(builder.redirectErrorStream(true));
        LIVING.add(process);
        Conversation started = new Conversation(subject, process);
        try {
            started.told = started.expect("READY");
        } catch (IOException | RuntimeException e) {
            started.end();
            throw e;
        }
        return started;
    }

    /** The lines that it said before it was ready. */
    List<String> told() {
        return told;
    }

    long pid() {
        return process.pid();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** The lines that it answers. */
    List<String> ask(String command) throws IOException {
        say(command);
        return answer();
    }

    /** The lines that it answers to what it was told last. */
    List<String> answer() throws IOException {
        return expect(END);
    }

    void say(String command) throws IOException {
        try {
            process.getOutputStream().write((command + "\n").getBytes(StandardCharsets.ISO_8859_1));
            process.getOutputStream().flush();
        } catch (IOException e) {
            throw new IOException(subject + ": has ended, and was told: " + command, e);
        }
    }

    // Somebody may hold it stopped for ever: the test shall fail, not hang.
    private List<String> expect(String end) throws IOException {
        ScheduledFuture<?> impatience = WATCH.schedule(process::destroyForcibly, PATIENCE_SECONDS, TimeUnit.SECONDS);
        List<String> lines = new ArrayList<>();
        try {
            for (String line = answers.readLine(); line != null; line = answers.readLine()) {
                if (line.equals(end) || line.startsWith(end + "\t")) {
                    return lines;
                }
                if (line.startsWith("FAILED")) {
                    throw new IOException(subject + ": " + line);
                }
                lines.add(line);
            }
        } catch (IOException e) {
            // Ending it from outside closes its streams under the reader.
            if (!impatience.isDone()) {
                throw e;
            }
        } finally {
            impatience.cancel(false);
        }
        throw new IOException(subject
                + (impatience.isDone() && !impatience.isCancelled()
                        ? ": did not answer for " + PATIENCE_SECONDS + " s (is it held stopped?)"
                        : ": ended")
                + "; it said " + lines.subList(Math.max(0, lines.size() - 5), lines.size()));
    }

    /** Ends the target, at once and however it stands. */
    void end() {
        process.destroyForcibly();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        LIVING.remove(process);
    }

    /** Waits until it has ended by itself. */
    void awaitEnd() throws IOException {
        try {
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                throw new IOException(subject + ": did not end within " + PATIENCE_SECONDS + " s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(subject + ": interrupted while it ends", e);
        }
    }
}
