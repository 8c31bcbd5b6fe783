// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.CoreDestination;
import dev.heapwalk.cli.output.Failure;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Terminal;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.core.CoreOutput;
import dev.heapwalk.memory.core.CoreWriter;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code heapwalk core}: a core file of a process that goes on. */
@Command(name = "core", description = "Write a core file of a process, which goes on.")
final class WriteCore extends TargetCommand {
    /** For how long a core is written to nowhere before a process is stopped, so that all code has run. */
    private static final long TRIAL_NANOS = 50_000_000;

    @Parameters(paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            required = true,
            description =
                    "The file to write, for you alone to read; - is standard output. It is compressed if its name "
                            + "ends in .zst or .gz, and gets its name when it is complete.")
    private Path output;

    @Option(
            names = "--heap-only",
            description =
                    "Write what the commands for heaps need: private memory that was written, the stacks, and the "
                            + "first pages of programs and libraries. Left out are shared memory, files, and code that was made "
                            + "at run time. The process's coredump_filter is not asked.")
    private boolean heapOnly;

    @Option(
            names = "--redact",
            description =
                    "Write zeros over text: the arguments and the environment, strings and buffers, text in blocks, "
                            + "on stacks and in other memory of the process's own, and what free blocks held. What tells how "
                            + "heaps are made stays, and so do numbers, texts of up to six bytes in a word of their own, general "
                            + "registers, and the data of programs and libraries: see 'heapwalk help core'.")
    private boolean redact;

    private final Categorizers categorizers = new Categorizers();

    @Override
    String target() {
        return target;
    }

    private boolean toStandardOutput() {
        return output.toString().equals("-");
    }

    @Override
    void check() {
        if (toStandardOutput() && Terminal.output()) {
            throw wrong("a core is no text for a terminal: name a file with -o");
        }
        String name = output.toString();
        if (name.endsWith(".xz") || name.endsWith(".lz4")) {
            throw wrong("a core is written as .zst or .gz, or as it is, and not as '%s': name it so"
                    .formatted(name.substring(name.lastIndexOf('.'))));
        }
    }

    /** Runs all code, and fills the caches of the kernel's page tables, before the process is stopped. */
    @Override
    Optional<LookAhead> lookAhead() {
        return Optional.of(new LookAhead() {
            @Override
            public void at(Target running) {
                try {
                    writer(running, Progress.ofTrial(TRIAL_NANOS))
                            .write(CoreOutput.to(OutputStream.nullOutputStream()));
                } catch (Progress.Enough e) {
                    // What is left would be more of the same.
                }
            }

            @Override
            public Rest rest() {
                return Rest.ALWAYS;
            }
        });
    }

    private CoreWriter writer(Target opened, Progress progress) {
        CoreWriter writer = CoreWriter.of(opened).telling(progress::at);
        return heapOnly ? writer.heapOnly() : writer;
    }

    @Override
    int answer(Subject subject) {
        Problems problems = new Problems();
        Progress progress = new Progress();
        try (CoreDestination to = CoreDestination.to(toStandardOutput() ? null : output)) {
            CoreWriter.Summary written = reading(
                    subject,
                    problems,
                    progress,
                    opened -> to.writing(stands(opened), out -> write(opened, out, problems, progress)));
            tell(subject, written, problems);
            int status = printing(subject, problems, to::finish);
            Failure.say(summary(subject, written));
            return status;
        }
    }

    private CoreWriter.Summary write(Target opened, CoreOutput out, Problems problems, Progress progress) {
        CoreWriter writer = writer(opened, progress);
        if (!redact) {
            return writer.write(out);
        }
        CoreRedaction redaction = CoreRedaction.of(opened, Heaps.of(opened), categorizers, progress);
        if (redaction.leftOthers()) {
            problems.notices(List.of("text stays in memory that is in no block of a heap: an allocator that is not "
                    + "malloc may keep its books there"));
        }
        return writer.redacting(redaction).write(opened.coreFacts().redacted(), out);
    }

    /** Whether a process stands still as long as this is read. */
    private static boolean stands(Target opened) {
        return opened.mode() == Target.Mode.STOPPED || opened.mode() == Target.Mode.OBSERVED && opened.still();
    }

    private void tell(Subject subject, CoreWriter.Summary written, Problems problems) {
        if (written.leftOut() > 0) {
            problems.notices(List.of(
                    "%,d bytes are not in the core, since to read them would bring them into memory: they are swapped out, of shared memory or of files, or guard pages of stacks%s"
                            .formatted(written.leftOut(), forked() ? "; or no child of the process has them" : "")));
        }
        if (written.unreadable() > 0) {
            problems.missing("%,d bytes could not be read, and are zeros in the core".formatted(written.unreadable()));
        }
        if (observes() && subject instanceof Subject.Pid) {
            problems.notices(
                    List.of("the process ran on, so the core has no registers and its memory may mix several moments"));
        }
    }

    private String summary(Subject subject, CoreWriter.Summary written) {
        StringBuilder line = new StringBuilder(String.format(
                Locale.ROOT,
                "%,d bytes, %,d of them in pages that are not all zeros; threads: %d, segments: %d, in %.2f s",
                written.bytes(),
                written.data(),
                written.threads(),
                written.segments(),
                seconds()));
        if (stops(subject)) {
            line.append(String.format(
                    Locale.ROOT,
                    "; the process stood still for %.3f s%s",
                    secondsStopped(),
                    forked() ? " to fork a copy of itself, which was read" : " to be read"));
        } else if (observes() && subject instanceof Subject.Pid) {
            line.append("; the process ran on while it was read");
        }
        return line.toString();
    }
}
