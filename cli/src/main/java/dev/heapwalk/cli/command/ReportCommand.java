// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Failure;
import dev.heapwalk.cli.output.Format;
import dev.heapwalk.cli.output.Look;
import dev.heapwalk.cli.output.OfProcess;
import dev.heapwalk.cli.output.Output;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.RowWriter;
import dev.heapwalk.cli.output.StandardOutput;
import dev.heapwalk.cli.output.Terminal;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * A command whose answer is rows. The order is always the same: open, read all that the answer needs into local memory,
 * close (which lets the process run on), print. A long listing is printed by another thread while it is read, so that
 * the process never waits for who reads it.
 */
abstract class ReportCommand extends TargetCommand {
    /** How long a walk may take that is only tried, in nanoseconds. */
    private static final long TRIAL_NANOS = 50_000_000;

    @Option(
            names = "--format",
            paramLabel = "table|jsonl|csv",
            description = "table (the default), jsonl (one JSON object a line), or csv.")
    private Format format = Format.TABLE;

    @Mixin
    private EachProcess each;

    private volatile Optional<LivePrint> live = Optional.empty();
    private Optional<HeapsAhead> ahead = Optional.empty();
    /** What must be at rest when the process is stopped. */
    private Rest rest = Rest.ALWAYS;

    private Optional<Looks> looks = Optional.empty();

    /** How the answer is written. */
    final Format format() {
        return format;
    }

    /** Which heaps the answer is about, so that they can be located before a process is stopped; empty for none. */
    Optional<HeapCommand.Scope> located() {
        return Optional.empty();
    }

    /** Whether there is nothing to tell of a process that has no heap of a known kind. */
    boolean needsHeap() {
        return true;
    }

    /** Whether the answer says how the heaps were found. */
    boolean explains() {
        return false;
    }

    /** All heaps of a target as they are now; of one that runs on, when the runtimes among them are at rest. */
    final Heaps heaps(Target opened) {
        if (ahead.isPresent()) {
            return ahead.get().now(opened);
        }
        Heaps heaps = Heaps.of(opened);
        return observes()
                        && opened.runsOn()
                        && (needsHeap() || !heaps.isEmpty())
                        && HeapsAhead.rest(
                                        located().map(scope -> scope.of(heaps)).orElse(heaps))
                                .await(PATIENCE)
                ? heaps.refresh()
                : heaps;
    }

    /** How often the target is looked at; made before a process is stopped. */
    final Looks looks(Target opened) {
        if (looks.isEmpty()) {
            Heaps all = Heaps.of(opened);
            looks = Optional.of(new Looks(
                    this, located().map(scope -> scope.of(all)).orElse(all).rest()));
        }
        return looks.get();
    }

    /** Whether rows are printed by now, which can't be taken back. */
    final boolean prints() {
        return live.isPresent();
    }

    @Override
    Optional<LookAhead> lookAhead() {
        return located().map(AtHeaps::new);
    }

    /** Locates heaps, and tries the walk for a moment. */
    private final class AtHeaps implements LookAhead {
        private final HeapCommand.Scope scope;

        private AtHeaps(HeapCommand.Scope scope) {
            this.scope = scope;
        }

        @Override
        public void at(Target running) {
            ahead = Optional.empty();
            rest = Rest.ALWAYS;
            Heaps heaps = Heaps.of(running);
            if (!needsHeap() && scope.of(heaps).isEmpty()) {
                return;
            }
            HeapsAhead known = HeapsAhead.of(heaps, scope);
            ahead = Optional.of(known);
            rest = known.rest();
            if (forks()) {
                // Of a copy all is read while the process runs on.
                return;
            }
            try (Report _ = read(running, new Problems(), Progress.ofTrial(TRIAL_NANOS))) {
                // All that the stop needs has run once.
            } catch (Progress.Enough e) {
                // What is left would be more of the same.
            } finally {
                // How what is known was found in the first place is told by none but who finds it.
                ahead = explains() ? Optional.empty() : Optional.of(known);
            }
        }

        @Override
        public Rest rest() {
            return rest;
        }
    }

    /** Reads everything that the answer needs. The target is closed after it. */
    abstract Report read(Target target, Problems problems, Progress progress);

    /** Opens what is to be read, reads it and closes it. */
    Report read(Subject subject, Problems problems, Progress progress) {
        looks = Optional.empty();
        return reading(subject, problems, progress, target -> read(target, problems, progress));
    }

    /** The answer, where it needs no look at the target; empty if it does. */
    Optional<Report> beforehand(Subject subject, Problems problems) {
        return Optional.empty();
    }

    /**
     * Does what is left to be done with an answer when the target is closed, before it is printed.
     *
     * @return what is printed, that answer or another one; to be closed as well
     */
    Report concluded(Report report) {
        return report;
    }

    /** The exit status that the answer itself asks for. */
    int verdict() {
        return Failure.FINE;
    }

    /** Prints what goes before the answer. */
    void preface(Format chosen, Output out) {}

    /** Puts the rows of an answer into the order that was asked for. */
    Report arranged(Report report) {
        return report;
    }

    /** Whether sizes are written with units. */
    boolean human() {
        return false;
    }

    @Override
    final Optional<EachProcess> each() {
        return Optional.of(each);
    }

    /** Has a listing printed while it is made, if the target stands still and the rows come as they are found. */
    final Listing printed(Listing listing, Target target) {
        // Rows can't be taken back where another look may be needed.
        if (target.still() && !looks(target).again()) {
            live = Optional.of(new LivePrint(listing, this::follow));
        }
        return listing;
    }

    @Override
    final int answer(Subject subject) {
        Problems problems = new Problems();
        Optional<Report> known = beforehand(subject, problems);
        if (known.isPresent()) {
            try (Report report = known.get()) {
                return printing(subject, problems, () -> print(report));
            }
        }
        Progress progress = Terminal.output() && printsMeanwhile() ? Progress.hidden() : new Progress();
        live = Optional.empty();
        try (Report report = read(subject, problems, progress)) {
            if (report instanceof Listing listing && listing.cut()) {
                return abandoned(live.orElseThrow());
            }
            int status = printing(subject, problems, () -> {
                try (Report told = concluded(report)) {
                    print(told);
                }
            });
            return Failure.worse(status, verdict());
        } catch (RuntimeException | Error e) {
            // The rows that were found before stand above the message.
            live.ifPresent(LivePrint::settle);
            throw e;
        }
    }

    /** Whether rows are printed while the target is read, where else the progress is shown. */
    boolean printsMeanwhile() {
        return false;
    }

    /** Who read the rows has gone, or they can't be written. */
    private int abandoned(LivePrint print) {
        try {
            print.finish();
        } catch (Output.WriteException e) {
            if (!e.closedPipe()) {
                throw e;
            }
            noReader();
        }
        return Failure.FINE;
    }

    private void print(Report report) {
        if (live.isPresent()) {
            live.get().finish();
            return;
        }
        Output out = new Output(new StandardOutput());
        begin(out);
        boolean more = false;
        for (Report answer : arranged(report).answers()) {
            if (more && format == Format.TABLE) {
                out.put('\n');
            }
            format.print(told(answer), look(), out);
            more = true;
        }
        out.flush();
        each.printed();
    }

    /** Prints a listing to its end. */
    private void follow(Listing listing) {
        Output out = new Output(new StandardOutput());
        begin(out);
        Report told = told(listing);
        RowWriter writer = format.writer(told, look(), out);
        listing.follow(writer);
        told.rows(writer);
        writer.finish();
        each.printed();
    }

    /** What goes before the rows. */
    private void begin(Output out) {
        if (format == Format.TABLE) {
            each.heading(out);
        }
        preface(format, out);
    }

    private Report told(Report report) {
        return format == Format.TABLE
                ? report
                : each.process()
                        .<Report>map(one -> new OfProcess(report, one.pid()))
                        .orElse(report);
    }

    private Look look() {
        return new Look(human(), Terminal.width(), each.printedBefore());
    }
}
