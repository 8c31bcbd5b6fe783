// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Format;
import dev.heapwalk.cli.output.Output;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.StandardOutput;
import dev.heapwalk.memory.Target;
import picocli.CommandLine.Option;

/**
 * A command whose answer is rows. The order is always the same: open, read all that the answer needs into local memory,
 * close (which lets the process run on), print.
 */
abstract class ReportCommand extends TargetCommand {
    @Option(
            names = "--format",
            paramLabel = "table|jsonl|csv",
            description = "table (the default), jsonl (one JSON object a line), or csv.")
    private Format format = Format.TABLE;

    /** Reads everything that the answer needs. The target is closed after it. */
    abstract Report read(Target target, Problems problems, Progress progress);

    /** Prints what goes before the answer. */
    void preface(Format chosen, Output out) {}

    @Override
    final int answer(Subject subject) {
        Problems problems = new Problems();
        Progress progress = new Progress();
        try (Report report = reading(subject, problems, progress, target -> read(target, problems, progress))) {
            return printing(subject, problems, () -> print(report));
        }
    }

    private void print(Report report) {
        Output out = new Output(new StandardOutput());
        preface(format, out);
        boolean more = false;
        for (Report answer : report.answers()) {
            if (more && format == Format.TABLE) {
                out.put('\n');
            }
            format.print(answer, out);
            more = true;
        }
        out.flush();
    }
}
