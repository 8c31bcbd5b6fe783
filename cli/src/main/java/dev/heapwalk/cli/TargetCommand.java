// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.elf.CoreTarget;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * A command that reads a target. The order is always the same: open, read all that the answer needs into local memory,
 * close (which lets the process run on), print.
 */
abstract class TargetCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(
            names = "--mode",
            paramLabel = "stop|observe",
            description = "stop (the default): the process stands still while its memory is read; "
                    + "observe: it is never stopped, and the answer may be torn.")
    private Mode mode = Mode.STOP;

    @Option(
            names = "--sysroot",
            paramLabel = "DIR",
            description = "For a core file: the folder under which the dead process's files lie, "
                    + "such as the root of its container.")
    private Path sysroot;

    @Option(
            names = "--format",
            paramLabel = "table|jsonl|csv",
            description = "table (the default), one JSON object a line, or CSV.")
    private Format format = Format.TABLE;

    @Option(names = "--verbose", description = "Tell how long the target stood still, and where a failure arose.")
    private boolean verbose;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help and exit.")
    private boolean help;

    /** The word that names the target. */
    abstract String target();

    /** Reads everything that the answer needs. The target is closed after it. */
    abstract Report read(Target target, Problems problems, Progress progress);

    /** Checks the arguments before a target is touched. */
    void check() {}

    /** Prints what goes before the answer. */
    void preface(Format chosen, Output out) {}

    final boolean verbose() {
        return verbose;
    }

    final ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    @Override
    public final Integer call() {
        Subject subject = Subject.of(target());
        if (subject == null) {
            throw wrong("'" + target() + "' is neither a process id nor a file nor the word demo");
        }
        if (sysroot != null && !(subject instanceof Subject.Core)) {
            throw wrong("--sysroot is for core files; the files of a process are found by themselves");
        }
        if (sysroot != null && !Files.isDirectory(sysroot)) {
            throw wrong("--sysroot " + sysroot + " is no folder");
        }
        check();
        if (subject instanceof Subject.Demo) {
            try (Demo demo = Demo.start()) {
                return answer(new Subject.Pid(demo.pid()));
            }
        }
        return answer(subject);
    }

    private int answer(Subject subject) {
        Problems problems = new Problems();
        Progress progress = new Progress();
        long before = System.nanoTime();
        Report report;
        try {
            report = report(subject, problems, progress);
        } catch (RuntimeException | Error e) {
            // What is missing from the target may be why.
            problems.report();
            throw e;
        }
        try (report) {
            long read = System.nanoTime();
            // Not closed: the descriptor is the process's.
            @SuppressWarnings("resource")
            Output out = new Output(new FileOutputStream(FileDescriptor.out));
            Output.WriteException unwritten = null;
            try {
                preface(format, out);
                format.print(report, out);
                out.flush();
            } catch (Output.WriteException e) {
                unwritten = e;
            }
            int status = problems.report();
            if (status == Failure.DAMAGED && mode == Mode.OBSERVE && subject instanceof Subject.Pid) {
                Failure.say("try --mode stop: the process ran on while it was read, "
                        + "and what looks damaged may only have been changing");
            }
            if (verbose) {
                Failure.say(String.format(
                        Locale.ROOT,
                        "%s from opening to closing the target %.1f ms, printing %.1f ms",
                        mode == Mode.STOP && subject instanceof Subject.Pid ? "stopped:" : "read:",
                        (read - before) / 1e6,
                        (System.nanoTime() - read) / 1e6));
            }
            if (unwritten != null && !unwritten.closedPipe()) {
                throw unwritten;
            }
            return status;
        }
    }

    /** Finds the heap, and says so if the target has others beside it. */
    static MallocHeap locate(Target target, Problems problems) {
        MallocHeap heap = MallocHeap.locate(target);
        problems.notices(heap.otherAllocators().stream()
                .map(other -> "%s also has %s; only what glibc's malloc holds is listed"
                        .formatted(target.description(), other))
                .toList());
        return heap;
    }

    private Report report(Subject subject, Problems problems, Progress progress) {
        try (progress;
                Target target = subject.open(mode, sysroot)) {
            try {
                return read(target, problems, progress);
            } catch (UnmappedAddressException e) {
                throw e;
            } catch (TargetException e) {
                throw target instanceof CoreTarget core ? lost(core, e) : e;
            } finally {
                problems.notices(target.notices());
            }
        } catch (TargetException e) {
            // The library does not know what the command calls it.
            if (subject instanceof Subject.Pid && e.getMessage().endsWith("read without stopping")) {
                throw new TargetException(e.getMessage() + " it, with --mode observe", e);
            }
            throw e;
        } catch (InternalError e) {
            // So the JVM reports a fault in mapped memory.
            if (subject instanceof Subject.Core core) {
                throw new TargetException(
                        "core file %s became shorter while it was read, or its disk failed: copy the whole file first"
                                .formatted(core.file()),
                        e);
            }
            throw e;
        }
    }

    /** Says of a core that was cut off that what was looked for may have been in the part that is missing. */
    private static TargetException lost(CoreTarget core, TargetException failure) {
        return core.cutOff()
                .map(cut -> new TargetException(
                        "the core is %s, and what was looked for may be in the part that is missing: %s"
                                .formatted(cut, failure.getMessage()),
                        failure))
                .orElse(failure);
    }
}
