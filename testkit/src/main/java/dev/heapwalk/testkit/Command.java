// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A command that is run to its end, without input. */
final class Command {
    private static final long PATIENCE_SECONDS = ThisMachine.PATIENCE.toSeconds();

    private final List<String> line;

    private Command(List<String> line) {
        this.line = line;
    }

    static Command of(List<String> line) {
        return new Command(line);
    }

    /** What it said, on both streams; a failure if it ended with another code than 0. */
    String run(String purpose) throws IOException {
        return run(purpose, true);
    }

    String run(String purpose, boolean mustSucceed) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(line).redirectErrorStream(true);
        builder.environment().put("LC_ALL", "C.UTF-8");
        Process process = builder.start();
        process.getOutputStream().close();
        CompletableFuture<String> said = CompletableFuture.supplyAsync(() -> {
            try {
                return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new UncheckedIOException("could not read the output of " + String.join(" ", line), e);
            }
        });
        // Ending a process closes what it said: only one that is given up is ended.
        try {
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IOException("could not " + purpose + ": not done after " + PATIENCE_SECONDS + " s: "
                        + String.join(" ", line));
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new IOException("interrupted: " + purpose, e);
        }
        if (mustSucceed && process.exitValue() != 0) {
            throw new IOException("could not " + purpose + ": exit " + process.exitValue() + " of "
                    + String.join(" ", line) + "\n" + said.join());
        }
        return said.join();
    }
}
