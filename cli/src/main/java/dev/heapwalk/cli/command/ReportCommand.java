// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Format;
import dev.heapwalk.cli.output.Output;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.StandardOutput;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import java.util.Optional;
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

    /** How long a walk may take that is only tried, in nanoseconds. */
    private static final long TRIAL_NANOS = 50_000_000;

    private Optional<HeapsAhead> ahead = Optional.empty();

    /** Which heaps the answer is about, so that they can be located before a process is stopped; empty for none. */
    Optional<HeapCommand.Scope> located() {
        return Optional.empty();
    }

    /** Whether the answer says how the heaps were found. */
    boolean explains() {
        return false;
    }

    /** All heaps of a target as they are now. */
    final Heaps heaps(Target opened) {
        return ahead.map(known -> known.now(opened)).orElseGet(() -> Heaps.of(opened));
    }

    @Override
    final boolean looksAhead() {
        return located().isPresent();
    }

    @Override
    final void lookAhead(Target running) {
        HeapsAhead known = HeapsAhead.of(running, located().orElseThrow());
        ahead = Optional.of(known);
        try (Report _ = read(running, new Problems(), Progress.ofTrial(TRIAL_NANOS))) {
            // All that the stop needs has run once.
        } catch (Progress.Enough e) {
            // What is left would be more of the same.
        } finally {
            // How what is known was found in the first place is told by none but who finds it.
            ahead = explains() ? Optional.empty() : Optional.of(known);
        }
    }

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
