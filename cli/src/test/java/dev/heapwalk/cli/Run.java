// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What one run of a command line gave.
 *
 * @param status exit status
 * @param out standard output
 * @param err standard error
 */
record Run(int status, byte[] out, String err) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** The checkout that the tests run in. */
    static Path checkout() {
        Path folder = Path.of("").toAbsolutePath();
        while (!Files.exists(folder.resolve("bin/heapwalk"))) {
            folder = folder.getParent();
        }
        return folder;
    }

    /** Runs the command in a JVM that is shared with other runs. What {@link #launched} gives is the same. */
    static Run heapwalk(String... arguments) {
        return run((out, err) -> SharedJvm.run(List.of(arguments), out, err));
    }

    /** Runs the command as it is run from a shell. */
    static Run launched(String... arguments) {
        List<String> line =
                new ArrayList<>(List.of(checkout().resolve("bin/heapwalk").toString()));
        line.addAll(List.of(arguments));
        return of(new ProcessBuilder(line));
    }

    static Run of(ProcessBuilder builder) {
        return run((out, err) -> {
            Process process = builder.redirectOutput(out.toFile())
                    .redirectError(err.toFile())
                    .start();
            process.getOutputStream().close();
            boolean ended = process.waitFor(ThisMachine.PATIENCE);
            if (!ended) {
                process.destroyForcibly();
            }
            assertThat(ended).as("%s ends", builder.command()).isTrue();
            return process.exitValue();
        });
    }

    private interface Runner {
        int run(Path out, Path err) throws IOException, InterruptedException;
    }

    private static Run run(Runner runner) {
        try {
            Path out = Files.createTempFile("heapwalk-run", ".out");
            Path err = Files.createTempFile("heapwalk-run", ".err");
            try {
                int status = runner.run(out, err);
                return new Run(
                        status, Files.readAllBytes(out), new String(Files.readAllBytes(err), StandardCharsets.UTF_8));
            } finally {
                Files.delete(out);
                Files.delete(err);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    String text() {
        return new String(out, StandardCharsets.UTF_8);
    }

    List<String> lines() {
        return text().lines().toList();
    }

    /** The rows of JSON lines. */
    List<JsonNode> rows() {
        List<JsonNode> rows = new ArrayList<>();
        for (String line : lines()) {
            try {
                rows.add(JSON.readTree(line));
            } catch (IOException e) {
                throw new UncheckedIOException("no JSON: " + line, e);
            }
        }
        return rows;
    }

    Run exited(int wanted) {
        assertThat(status).as("exit status; it said: %s", err).isEqualTo(wanted);
        return this;
    }

    /** Checks that the error stream has one clear line with some words, and no stack trace. */
    Run said(String... words) {
        assertThat(err).startsWith("heapwalk: ").contains(words).doesNotContain("\tat ", "Exception");
        assertThat(err.lines().filter(line -> !line.startsWith("heapwalk: try ")))
                .as(err)
                .hasSize(1);
        return this;
    }
}
