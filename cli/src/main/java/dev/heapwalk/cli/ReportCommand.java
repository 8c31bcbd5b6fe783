// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.memory.Target;
import java.util.Locale;
import picocli.CommandLine.Option;

/**
 * A command whose answer is rows. The order is always the same: open, read all that the answer needs into local memory,
 * close (which lets the process run on), print.
 */
abstract class ReportCommand extends TargetCommand {
    @Option(
            names = "--format",
            paramLabel = "table|jsonl|csv",
            description = "table (the default), one JSON object a line, or CSV.")
    private Format format = Format.TABLE;

    /** Reads everything that the answer needs. The target is closed after it. */
    abstract Report read(Target target, Problems problems, Progress progress);

    /** Prints what goes before the answer. */
    void preface(Format chosen, Output out) {}

    @Override
    final int answer(Subject subject) {
        Problems problems = new Problems();
        Progress progress = new Progress();
        long before = System.nanoTime();
        try (Report report = reading(subject, problems, progress, target -> read(target, problems, progress))) {
            long read = System.nanoTime();
            int status = printing(subject, problems, () -> print(report));
            if (verbose()) {
                Failure.say(String.format(
                        Locale.ROOT,
                        "%s from opening to closing the target %.1f ms, printing %.1f ms",
                        stops(subject) ? "stopped:" : "read:",
                        (read - before) / 1e6,
                        (System.nanoTime() - read) / 1e6));
            }
            return status;
        }
    }

    private void print(Report report) {
        Output out = new Output(new StandardOutput());
        preface(format, out);
        format.print(report, out);
        out.flush();
    }
}
