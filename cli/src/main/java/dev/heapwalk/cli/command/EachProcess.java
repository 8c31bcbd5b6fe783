// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Output;
import dev.heapwalk.text.SafeText;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import picocli.CommandLine.Option;

/** The option to answer for each process of a name, and which of them an answer is about. */
final class EachProcess {
    @Option(
            names = "--all",
            description = "If TARGET is the name of several processes: answer for each of them, under its heading, or "
                    + "with its pid first in each row or object of JSON and CSV.")
    private boolean wanted;

    private Optional<RunningProcess> process = Optional.empty();
    private boolean printedBefore;

    /** Whether several processes of one name are read, one after the other. */
    boolean wanted() {
        return wanted;
    }

    /** Begins with one of several processes. */
    void next(RunningProcess one) {
        process = Optional.of(one);
    }

    /** Which of several processes the answer is about; empty if it is the only one. */
    Optional<RunningProcess> process() {
        return process;
    }

    /** Notes that an answer was printed. */
    void printed() {
        printedBefore = true;
    }

    /** Whether the answer for another process was printed before. */
    boolean printedBefore() {
        return printedBefore;
    }

    /** Prints what stands above an answer for people, where there are several. */
    void heading(Output out) {
        if (process.isPresent()) {
            out.utf8(heading());
            out.put('\n');
        }
    }

    private String heading() {
        RunningProcess one = process.orElseThrow();
        return (printedBefore ? "\n" : "") + SafeText.of("process %d: %s".formatted(one.pid(), one.line()));
    }

    /** Puts the heading above a text, where there are several. */
    byte[] headed(byte[] text) {
        if (process.isEmpty()) {
            return text;
        }
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.writeBytes((heading() + "\n").getBytes(StandardCharsets.UTF_8));
        all.writeBytes(text);
        return all.toByteArray();
    }

    /** Gives each JSON object the pid first, where there are several. Each has a line of its own, and is not empty. */
    byte[] named(byte[] objects) {
        if (process.isEmpty()) {
            return objects;
        }
        byte[] pid = ("\"pid\":" + process.get().pid() + ",").getBytes(StandardCharsets.US_ASCII);
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        boolean atStart = true;
        for (byte one : objects) {
            all.write(one);
            if (atStart) {
                all.writeBytes(pid);
            }
            atStart = one == '\n';
        }
        return all.toByteArray();
    }
}
