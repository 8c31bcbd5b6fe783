// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Bytes;
import dev.heapwalk.cli.output.DumpFile;
import dev.heapwalk.cli.output.Failure;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.heap.dump.Disclosure;
import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.memory.Copier;
import dev.heapwalk.memory.Headroom;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * A command that writes every object of a runtime, a line each.
 *
 * @param <R> the runtime
 */
abstract class DumpCommand<R> extends TargetCommand {
    /** For how long lines are written before a process is stopped, so that all code has run, in nanoseconds. */
    private static final long TRIAL_NANOS = 50_000_000;

    @Parameters(paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            description = "The file to write, for you alone to read; - or none is standard output. It is compressed "
                    + "if its name ends in .gz, and gets its name when it is complete.")
    private Path output;

    @Option(
            names = "--max-bytes",
            paramLabel = "SIZE",
            description = "End the dump before the first line that would make it longer, and let the process run on; "
                    + "in bytes, or with K, M or G. Bytes before compression count. The exit status is 3 then.")
    private String most;

    @Mixin
    private ToldText text;

    @Option(
            names = "--max-copy",
            paramLabel = "SIZE",
            description = "Copy the memory of the process while it stands still, and let it run on before the dump is "
                    + "written, if the copy is no larger; in bytes, or with K, M or G. The default is half of what the "
                    + "machine has available; with 0 the process stands still until all is written.")
    private String mostCopied;

    private long limit = Long.MAX_VALUE;

    /** How much memory a copy may take, in bytes. */
    private long room;

    /** What copies the process; empty where nothing is to be copied. */
    private Optional<Copier> copier = Optional.empty();

    /** Whether a copy is read, so that the process runs on meanwhile. */
    private boolean copied;

    /** Looks at the runtime; its trial is {@link #tryOut}. */
    abstract RuntimeLooks<R> looks();

    /** Writes all lines, or as many as there is room for. */
    abstract DumpSummary write(R runtime, DumpOutput out, Progress progress);

    /** Whether long text is cut where nothing is said. */
    abstract boolean cutsText();

    /** Tells how much of all there is was written of a dump that was cut. */
    abstract String part(DumpSummary written);

    /** Adds what only this runtime's dumps have to tell. */
    void tellMore(DumpSummary written, StringBuilder line) {}

    /** After how many bytes the dump ends. */
    final long limit() {
        return limit;
    }

    /** How much is told of text. */
    final Disclosure told() {
        return text.told();
    }

    @Override
    final String target() {
        return target;
    }

    @Override
    void check() {
        if (most != null) {
            limit = Bytes.parse(most)
                    .orElseThrow(() -> wrong("--max-bytes must be a number of bytes above zero, such as 1000000, 512K, "
                            + "100M or 2G, not '" + most + "'"));
        }
        text.check(this, cutsText());
        if (mostCopied != null) {
            room = Bytes.parseOrNone(mostCopied)
                    .orElseThrow(() -> wrong("--max-copy must be a number of bytes, such as 1000000, 512K, 100M or 2G, "
                            + "or 0, not '" + mostCopied + "'"));
        } else {
            room = new Headroom(Path.of("/")).memory() / 2;
        }
    }

    /** Who says how large a copy may be that is made here wants one of that kind. */
    @Override
    final boolean readsCopies() {
        return mostCopied == null;
    }

    @Override
    final Optional<LookAhead> lookAhead() {
        return Optional.of(looks());
    }

    /** A copy; the process itself where one would be too large, or would lack what is swapped out. */
    @Override
    final Target shown(Target still, Problems problems) {
        if (room == 0) {
            return still;
        }
        try {
            if (copier.isEmpty()) {
                // Of what turns out to be another process, nothing is copied.
                looks().at(still, new Problems(), (_, _) -> true);
                copier = Optional.of(still.copier(room));
            }
            Target copy = copier.get().copy();
            copied = true;
            return copy;
        } catch (TargetException e) {
            copier.ifPresent(Copier::close);
            copier = Optional.empty();
            if (e.reason() != TargetException.Reason.NOT_COPIED) {
                throw e;
            }
            problems.notices(List.of(e.getMessage() + ", so it stands still until the dump is written"));
            return still;
        }
    }

    @Override
    final int answer(Subject subject) {
        Problems problems = new Problems();
        Progress progress = new Progress();
        Path file = output == null || output.toString().equals("-") ? null : output;
        try (DumpFile to = DumpFile.to(file)) {
            DumpSummary written;
            try {
                written = reading(subject, problems, progress, opened -> {
                    if (copied || forked() || subject instanceof Subject.Core) {
                        to.passOn();
                    }
                    return dump(opened, to, problems, progress);
                });
            } catch (TargetException e) {
                if (letGoEarly(e) && to.partly()) {
                    Failure.say(e.getMessage());
                    return Failure.DAMAGED;
                }
                throw e;
            }
            int status = printing(subject, problems, to::finish);
            if (written.left() > 0) {
                Failure.say("the dump was cut at --max-bytes " + most + ": " + part(written));
                status = Failure.DAMAGED;
            }
            Failure.say(summary(subject, written, to.taken()));
            // Nobody reads it any more; where a read hangs or failed, that is not known.
            copier.ifPresent(Copier::close);
            return status;
        }
    }

    private DumpSummary dump(Target opened, DumpFile to, Problems problems, Progress progress) {
        BiFunction<R, Problems, DumpSummary> look = (runtime, seen) -> {
            DumpSummary written = to.writing(out -> write(runtime, out, progress));
            written.holes().forEach(seen::missing);
            seen.damage(written);
            return written;
        };
        return to.keeps() ? looks().at(opened, problems, look) : looks().once(opened, problems, look);
    }

    /** Prepares a copy; where none will be made, it writes lines for a moment, to nowhere. */
    final void tryOut(Target running, R runtime) {
        if (forks()) {
            return;
        }
        if (room > 0) {
            copier = Optional.of(running.copier(room));
            if (copier.get().bytes() > 0) {
                return;
            }
        }
        try {
            write(runtime, DumpOutput.to(OutputStream.nullOutputStream()), Progress.ofTrial(TRIAL_NANOS));
        } catch (Progress.Enough e) {
            // What is left would be more of the same.
        }
    }

    private String summary(Subject subject, DumpSummary written, long taken) {
        StringBuilder line = new StringBuilder(
                String.format(Locale.ROOT, "%,d objects, %,d bytes", written.objects(), written.bytes()));
        if (taken < written.bytes()) {
            line.append(String.format(Locale.ROOT, ", of which %,d were taken,", taken));
        }
        line.append(String.format(Locale.ROOT, " in %.2f s", seconds()));
        if (stops(subject)) {
            line.append(String.format(
                    Locale.ROOT,
                    "; the process stood still for %.2f s%s",
                    secondsStopped(),
                    forked() ? " to fork a copy of itself" : ""));
            copier.ifPresent(made -> line.append(", and a copy of it took " + Bytes.text(made.bytes())));
        }
        tellMore(written, line);
        // How many references stand in for those that are not known.
        if (!written.guessedReferences().isEmpty()) {
            line.append("; guessed: ").append(counts(written.guessedReferences(), "references of "));
        }
        return line.toString();
    }

    /** A number for each type. */
    static String counts(Map<String, Long> ofTypes, String what) {
        return ofTypes.entrySet().stream()
                .map(type -> String.format(Locale.ROOT, "%,d %s%s", type.getValue(), what, type.getKey()))
                .collect(Collectors.joining(", "));
    }
}
