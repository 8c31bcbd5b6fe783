// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** Commands to a target on its standard input and its answers on its output, a line each; every answer ends with a line of its own. */
final class Conversation {
    private static final int PATIENCE_SECONDS = 120;
    private static final String END = "END";
    private static final ScheduledExecutorService WATCH = Executors.newSingleThreadScheduledExecutor(work -> {
        Thread thread = new Thread(work, "target-watch");
        thread.setDaemon(true);
        return thread;
    });

    private final String subject;
    private final Process process;
    private final BufferedReader answers;

    /**
     * Begins one.
     *
     * @param subject what failures name
     * @param process the target
     */
    Conversation(String subject, Process process) {
        this.subject = subject;
        this.process = process;
        this.answers = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.ISO_8859_1));
    }

    /** The lines that it answers. */
    List<String> ask(String command) throws IOException {
        say(command);
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
    List<String> expect(String end) throws IOException {
        ScheduledFuture<?> impatience = WATCH.schedule(process::destroyForcibly, PATIENCE_SECONDS, TimeUnit.SECONDS);
        List<String> lines = new ArrayList<>();
        try {
            for (String line = answers.readLine(); line != null; line = answers.readLine()) {
                if (line.equals(end)) {
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
        throw new IOException(subject + (impatience.isDone() && !impatience.isCancelled()
                ? ": did not answer for " + PATIENCE_SECONDS + " s (is it held stopped?)"
                : ": ended") + "; it said " + lines.subList(Math.max(0, lines.size() - 5), lines.size()));
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
