// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Bytes;
import dev.heapwalk.cli.output.DumpFile;
import dev.heapwalk.cli.output.Failure;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.memory.Copier;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.dump.Dump;
import dev.heapwalk.ruby.dump.HeapDump;
import dev.heapwalk.ruby.dump.ObjectSpaceDump;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code heapwalk ruby dump}: every object, a line each. */
@Command(name = "dump", description = "Write every object with its contents and references, one JSON object a line.")
final class RubyDump extends TargetCommand {
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
            names = "--format",
            paramLabel = "heap_dump|objectspace",
            description = "heap_dump (the default): with contents, names and positions; "
                    + "objectspace: what ObjectSpace.dump_all of that Ruby writes.")
    private DumpFormat format = DumpFormat.HEAP_DUMP;

    @Option(
            names = "--reachable",
            description =
                    "Only the objects that a root reaches. The default has all, also garbage that Ruby has not freed yet.")
    private boolean reachable;

    @Option(
            names = "--exact-references",
            description =
                    "No references that are guessed. The default searches the memory of objects of C extensions whose "
                            + "code does not tell what they refer to; heap_dump names what was found so in guessed.")
    private boolean exactReferences;

    @Option(names = "--mongo", description = "Call the id _id, so that mongoimport takes the file as it is.")
    private boolean mongo;

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

    private final RubyLooks looks = new RubyLooks(this, RubyLooks.Need.REST, this::tryOut);

    /** How much memory a copy may take, in bytes. */
    private long room;

    /** What copies the process; empty where nothing is to be copied. */
    private Optional<Copier> copier = Optional.empty();

    @Override
    String target() {
        return target;
    }

    @Override
    void check() {
        if (most != null) {
            limit = Bytes.parse(most)
                    .orElseThrow(() -> wrong("--max-bytes must be a number of bytes above zero, such as 1000000, 512K, "
                            + "100M or 2G, not '" + most + "'"));
        }
        text.check(this, format == DumpFormat.HEAP_DUMP);
        if (mostCopied != null) {
            room = Bytes.parseOrNone(mostCopied)
                    .orElseThrow(() -> wrong("--max-copy must be a number of bytes, such as 1000000, 512K, 100M or 2G, "
                            + "or 0, not '" + mostCopied + "'"));
        } else {
            room = new AvailableMemory(Path.of("/")).bytes() / 2;
        }
        if (mongo && format != DumpFormat.HEAP_DUMP) {
            throw wrong("--mongo is for --format heap_dump");
        }
    }

    @Override
    Optional<LookAhead> lookAhead() {
        return Optional.of(looks);
    }

    /** A copy; the process itself where one would be too large, or would lack what is swapped out. */
    @Override
    Target shown(Target still, Problems problems) {
        if (room == 0) {
            return still;
        }
        try {
            if (copier.isEmpty()) {
                // Of what turns out to be no Ruby process, nothing is copied.
                looks.at(still, new Problems(), (_, _) -> true);
                copier = Optional.of(still.copier(room));
            }
            return copier.get().copy();
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
    int answer(Subject subject) {
        Problems problems = new Problems();
        Progress progress = new Progress();
        Path file = output == null || output.toString().equals("-") ? null : output;
        try (DumpFile to = DumpFile.to(file)) {
            DumpSummary written;
            try {
                written = reading(subject, problems, progress, opened -> dump(opened, to, problems, progress));
            } catch (TargetException e) {
                if (letGoEarly(e) && to.partly()) {
                    Failure.say(e.getMessage());
                    return Failure.DAMAGED;
                }
                throw e;
            }
            int status = printing(subject, problems, to::finish);
            if (written.left() > 0) {
                Failure.say(String.format(
                        Locale.ROOT,
                        "the dump was cut at --max-bytes %s: %,d of at most %,d objects were written",
                        most,
                        written.objects(),
                        written.objects() + written.left()));
                status = Failure.DAMAGED;
            }
            Failure.say(summary(subject, written, to.taken()));
            // Nobody reads it any more; where a read hangs or failed, that is not known.
            copier.ifPresent(Copier::close);
            return status;
        }
    }

    private DumpSummary dump(Target opened, DumpFile to, Problems problems, Progress progress) {
        BiFunction<RubyVm, Problems, DumpSummary> look = (vm, seen) -> {
            DumpSummary written = to.writing(out -> write(vm, out, progress));
            written.holes().forEach(seen::missing);
            seen.damage(written);
            return written;
        };
        return to.keeps() ? looks.at(opened, problems, look) : looks.once(opened, problems, look);
    }

    /** Prepares a copy; where none will be made, it writes lines for a moment, to nowhere. */
    private void tryOut(RubyVm vm) {
        if (room > 0) {
            copier = Optional.of(vm.target().copier(room));
            if (copier.get().bytes() > 0) {
                return;
            }
        }
        try {
            write(vm, DumpOutput.to(OutputStream.nullOutputStream()), Progress.ofTrial(TRIAL_NANOS));
        } catch (Progress.Enough e) {
            // What is left would be more of the same.
        }
    }

    private DumpSummary write(RubyVm vm, DumpOutput out, Progress progress) {
        long bytes = (long) vm.pages().count() * vm.pages().bodySize();
        double bytesASlot = (double) bytes / Math.max(1, vm.pages().totalSlots());
        LongConsumer done = slots -> progress.at((long) (slots * bytesASlot), bytes);
        Dump<?> all = format == DumpFormat.OBJECTSPACE
                ? ObjectSpaceDump.of(vm)
                : HeapDump.of(vm, mongo ? HeapDump.Id.MONGO : HeapDump.Id.PLAIN);
        all = all.atMost(limit).telling(text.told());
        all = exactReferences ? all.exactReferences() : all;
        return (reachable ? all.reachable() : all).write(out, done);
    }

    private String summary(Subject subject, DumpSummary written, long taken) {
        StringBuilder line = new StringBuilder(
                String.format(Locale.ROOT, "%,d objects, %,d bytes", written.objects(), written.bytes()));
        if (taken < written.bytes()) {
            line.append(String.format(Locale.ROOT, ", of which %,d were taken,", taken));
        }
        line.append(String.format(Locale.ROOT, " in %.2f s", seconds()));
        if (stops(subject)) {
            line.append(String.format(Locale.ROOT, "; the process stood still for %.2f s", secondsStopped()));
            copier.ifPresent(made -> line.append(", and a copy of it took " + Bytes.text(made.bytes())));
        }
        unknown("sizes", written.unknownSizes(), line);
        unknown("more references", written.unknownReferences(), line);
        guessed(written, line);
        return line.toString();
    }

    /** Tells how many references stand in for those that are not known. */
    private static void guessed(DumpSummary written, StringBuilder line) {
        if (!written.guessedReferences().isEmpty()) {
            line.append("; guessed: ")
                    .append(written.guessedReferences().entrySet().stream()
                            .map(type ->
                                    String.format(Locale.ROOT, "%,d references of %s", type.getValue(), type.getKey()))
                            .collect(Collectors.joining(", ")));
        }
    }

    /** Tells what only the functions of C extensions know. */
    private static void unknown(String what, Map<String, Long> counts, StringBuilder line) {
        if (!counts.isEmpty()) {
            line.append("; ")
                    .append(what)
                    .append(" not known of ")
                    .append(counts.entrySet().stream()
                            .map(type -> String.format(Locale.ROOT, "%,d %s", type.getValue(), type.getKey()))
                            .collect(Collectors.joining(", ")));
        }
    }
}
