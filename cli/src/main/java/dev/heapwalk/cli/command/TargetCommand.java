// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.demo.Demo;
import dev.heapwalk.cli.output.Failure;
import dev.heapwalk.cli.output.Output;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.memory.Copier;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TargetOptions;
import dev.heapwalk.memory.UnmappedAddressException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** A command that reads a target: what all of them take, and how a target is opened and closed. */
public abstract class TargetCommand extends AnyCommand {
    /** What is said of the word that names the target. */
    static final String TARGET = "A process id, the word demo, a core file, or the name of a process.";

    @Option(
            names = "--mode",
            paramLabel = "auto|fork|stop|observe",
            description = "fork: have the process fork a frozen copy, and read that while the process runs on; stop: "
                    + "stop it, read its memory, let it run on; auto (the default, but for watch): fork where a stop "
                    + "would take over 10 ms and a fork is possible, else stop; observe: never stop it; the answer "
                    + "may mix two moments.")
    private Mode mode;

    @Option(
            names = "--max-stop",
            paramLabel = "SECONDS",
            defaultValue = "${env:HEAPWALK_MAX_STOP:-10}",
            description = "Let the process run on after so long, even if not all is read. The default is 10, or what "
                    + "HEAPWALK_MAX_STOP says; 0 means no limit.")
    private double maxStop;

    @Option(
            names = "--sysroot",
            paramLabel = "DIR",
            description = "For a core file: the folder that has the files of the process, "
                    + "such as the root of its container.")
    private Path sysroot;

    @Option(
            names = "--verbose",
            description = "Say how long the process was stopped, how many of its pages were swapped in, and where in "
                    + "the code a failure happened.")
    private boolean verbose;

    /**
     * What a process has in memory that is worth a fork, in bytes: to read as much takes 10 ms, at 3 GB a second, and a
     * fork stops it for less than one.
     */
    private static final long WORTH_A_FORK = 32 << 20;

    /** How long a process runs on before it is looked at again. */
    private static final long MOMENT_NANOS = 1_000_000;
    /** For how long a process runs on, at most, until it is at rest and stopped; then it is stopped as it is. */
    static final Duration PATIENCE = Duration.ofSeconds(20);

    /** What keeps a process stopped that was looked at before. */
    private Optional<Target.Stop> held = Optional.empty();

    /** What has the process fork a copy; empty where it is not to. */
    private Optional<Copier> forker = Optional.empty();

    /** Whether a copy is read that the process has forked. */
    private boolean forked;

    /** That copy, when it is closed. */
    private Optional<Target> inPlace = Optional.empty();

    /** Why there is none, though that was looked for; empty if that is no matter. */
    private Optional<String> notForked = Optional.empty();

    /** How long the target was open, in nanoseconds. */
    private long reading;

    /** How long the process stood still, of that time. */
    private Duration standstill = Duration.ZERO;

    /** How much memory of the process was brought back from swap, in bytes. */
    private long swappedIn;

    private int pageSize;

    /** How long its answer was printed, in nanoseconds. */
    private long printing;

    /** Whether nobody reads standard output any more. */
    private boolean unread;

    /** The word that names the target. */
    abstract String target();

    /** All words that name targets, where a command takes several that it answers for together. */
    List<String> targets() {
        return List.of(target());
    }

    /** Answers. Returns the exit status. */
    abstract int answer(Subject subject);

    /** How it looks at a process before it stops it; empty if it does not. */
    Optional<LookAhead> lookAhead() {
        return Optional.empty();
    }

    /**
     * What is read of a process that stands still: that itself, or what stands for it from now on and lets it run on,
     * such as a copy.
     */
    Target shown(Target still, Problems problems) {
        return still;
    }

    /** Checks the arguments before a target is touched. */
    void check() {}

    /** Whether the process stands still where nothing is said. */
    Mode usualMode() {
        return Mode.AUTO;
    }

    /** Whether a copy tells all that the answer needs; not so of what is resident, which is not the same in a copy. */
    boolean readsCopies() {
        return true;
    }

    private Mode mode() {
        Mode wanted = mode == null ? usualMode() : mode;
        return wanted == Mode.AUTO && !readsCopies() ? Mode.STOP : wanted;
    }

    /** Whether the process is stopped: for as long as it is read, or until there is a copy of it. */
    final boolean stops(Subject subject) {
        return mode() != Mode.OBSERVE && subject instanceof Subject.Pid;
    }

    /** Whether the process is to fork a copy when it is stopped, or has done so. */
    final boolean forks() {
        return forker.isPresent();
    }

    /** Whether a copy is read that it has forked. */
    final boolean forked() {
        return forked;
    }

    /** Whether a process is to be read without a stop. */
    final boolean observes() {
        return mode() == Mode.OBSERVE;
    }

    public final boolean verbose() {
        return verbose;
    }

    /** The options of this command as another one takes them. */
    final List<String> options() {
        List<String> options = new ArrayList<>(List.of("--max-stop", Double.toString(maxStop)));
        if (mode != null) {
            options.addAll(List.of("--mode", mode.toString()));
        }
        if (sysroot != null) {
            options.addAll(List.of("--sysroot", sysroot.toString()));
        }
        if (verbose) {
            options.add("--verbose");
        }
        return options;
    }

    /** How long the process stood still, in seconds. */
    final double secondsStopped() {
        return standstill.toNanos() / 1e9;
    }

    /** How long it was open and its answer was printed, in seconds. */
    final double seconds() {
        return (reading + printing) / 1e9;
    }

    /** The option to read several processes of one name, one after the other; empty if the command reads but one. */
    Optional<EachProcess> each() {
        return Optional.empty();
    }

    /** Notes that nobody reads standard output any more. */
    final void noReader() {
        unread = true;
    }

    @Override
    public final Integer call() {
        Subject subject = targets().size() == 1 ? subject(target()) : group(targets());
        Optional<EachProcess> each = each().filter(EachProcess::wanted);
        if (each.isPresent() && !(subject instanceof Subject.Named)) {
            throw wrong("--all is for the name of processes, and '" + target() + "' is none");
        }
        if (sysroot != null && !(subject instanceof Subject.Core)) {
            throw wrong("--sysroot is for core files; the files of a process are found by themselves");
        }
        if (sysroot != null && !Files.isDirectory(sysroot)) {
            throw wrong("--sysroot " + sysroot + " is no folder");
        }
        if (!(maxStop >= 0)) {
            throw wrong("--max-stop " + maxStop + " is no time");
        }
        check();
        if (mode == Mode.FORK && !readsCopies()) {
            throw wrong("this, or one of its options, does not go with --mode fork: use --mode stop or observe");
        }
        if (subject instanceof Subject.Demo) {
            try (Demo demo = ((CommandGroup) spec().parent().userObject()).demo()) {
                return timed(new Subject.Pid(demo.pid()));
            }
        }
        if (subject instanceof Subject.Named named) {
            return each.isPresent() ? each(named, each.get()) : timed(one(named));
        }
        return timed(held(subject));
    }

    /** The same process as it is held, if it is. */
    private Subject held(Subject subject) {
        return ((CommandGroup) spec().root().userObject())
                .held()
                .filter(target -> subject instanceof Subject.Pid one
                        && target.pid().stream().anyMatch(pid -> pid == one.pid()))
                .<Subject>map(Subject.Held::new)
                .orElse(subject);
    }

    private Subject subject(String word) {
        return Subject.of(word).orElseThrow(() -> wrong(Subject.refusal(word)));
    }

    /** The processes that several words stand for. */
    private Subject group(List<String> words) {
        Set<Subject.Pid> processes = new LinkedHashSet<>();
        for (String word : words) {
            switch (subject(word)) {
                case Subject.Pid one -> processes.add(one);
                case Subject.Named named -> named.processes().forEach(one -> processes.add(new Subject.Pid(one.pid())));
                default -> throw wrong("several targets must be processes, and '" + word + "' is none");
            }
        }
        return processes.size() == 1 ? processes.iterator().next() : new Subject.Group(List.copyOf(processes));
    }

    /** The only process of a name. */
    private Subject one(Subject.Named named) {
        List<RunningProcess> list = named.processes();
        if (list.size() > 1) {
            throw new SeveralProcessesException(
                    spec().commandLine(),
                    "%d processes are called '%s'%s"
                            .formatted(
                                    list.size(),
                                    named.name(),
                                    each().isPresent()
                                            ? "; name one by its process id, or have each of them with --all"
                                            : ", and '%s' takes one at a time; name it by its process id"
                                                    .formatted(spec().qualifiedName())),
                    list);
        }
        return new Subject.Pid(list.getFirst().pid());
    }

    /** Answers for each process of a name. Returns the worst exit status. */
    private int each(Subject.Named named, EachProcess each) {
        int worst = Failure.FINE;
        for (RunningProcess one : named.processes()) {
            each.next(one);
            int status;
            try {
                status = timed(new Subject.Pid(one.pid()));
            } catch (ParameterException e) {
                Failure.say("process " + one.pid() + ": " + e.getMessage());
                status = Failure.USAGE;
            } catch (RuntimeException | Error e) {
                status = Failure.report(e, verbose);
            }
            worst = Failure.worse(worst, status);
            if (unread) {
                break;
            }
        }
        return worst;
    }

    private int timed(Subject subject) {
        int status = answer(subject);
        if (verbose) {
            notForked.ifPresent(Failure::say);
            String stopped = stops(subject)
                    ? String.format(
                            Locale.ROOT,
                            "stopped for %.1f ms%s; ",
                            standstill.toNanos() / 1e6,
                            forked ? ", in which it forked a copy" : "")
                    : "";
            Failure.say(String.format(
                    Locale.ROOT,
                    "%sfrom opening to closing the target %.1f ms, printing %.1f ms",
                    stopped,
                    reading / 1e6,
                    printing / 1e6));
            if (subject instanceof Subject.Pid) {
                Failure.say("%,d pages were swapped in to be read (%,d bytes)"
                        .formatted(swappedIn / Math.max(1, pageSize), swappedIn));
            }
        }
        return status;
    }

    /** Prints the answer and then what was wrong. Returns the exit status. */
    final int printing(Subject subject, Problems problems, Runnable print) {
        Output.WriteException unwritten = null;
        long begun = System.nanoTime();
        try {
            print.run();
        } catch (Output.WriteException e) {
            unwritten = e;
        }
        printing = System.nanoTime() - begun;
        int status = problems.report();
        if (status == Failure.DAMAGED && observes() && subject instanceof Subject.Pid) {
            Failure.say("try --mode stop: the process ran on while it was read, "
                    + "and what looks damaged may only have been changing");
        }
        if (unwritten != null) {
            if (!unwritten.closedPipe()) {
                throw unwritten;
            }
            noReader();
        }
        return status;
    }

    /** Opens the target, reads it and closes it, which lets the process run on. */
    final <T> T reading(Subject subject, Problems problems, Progress progress, Function<Target, T> read) {
        long begun = System.nanoTime();
        try {
            T answer = subject instanceof Subject.Pid
                    ? Reading.of(targetOptions(), options -> open(subject, options, problems, progress, read))
                    : open(subject, TargetOptions.DEFAULT, problems, progress, read);
            reading = System.nanoTime() - begun;
            return answer;
        } catch (TargetException e) {
            problems.report();
            throw letGoEarly(e) ? advised(e) : e;
        } catch (RuntimeException | Error e) {
            // What is missing from the target may be why.
            problems.report();
            throw e;
        } finally {
            // Where a read hangs, nobody else does it.
            progress.close();
        }
    }

    final TargetOptions targetOptions() {
        return TargetOptions.DEFAULT.withMaxStop(Duration.ofNanos((long) (maxStop * 1e9)));
    }

    /** Whether the process was let go before all was read. */
    static boolean letGoEarly(TargetException failure) {
        return failure.reason() == TargetException.Reason.STOPPED_TOO_LONG
                || failure.reason() == TargetException.Reason.NO_PROGRESS;
    }

    private <T> T open(
            Subject subject, TargetOptions options, Problems problems, Progress progress, Function<Target, T> read) {
        try (progress) {
            Target target =
                    stops(subject) ? ahead(subject, options, lookAhead()) : subject.open(mode(), options, sysroot);
            try {
                return read(subject, target, problems, read);
            } finally {
                note(target);
            }
        } catch (TargetException e) {
            throw subject instanceof Subject.Pid && !letGoEarly(e) ? advised(e) : e;
        } catch (InternalError e) {
            // So the JVM reports a fault in mapped memory.
            if (subject instanceof Subject.Core core) {
                throw new TargetException(
                        TargetException.Reason.FILE_CHANGED,
                        "core file %s became shorter while it was read, or its disk failed: copy the whole file first"
                                .formatted(core.file()),
                        e);
            }
            throw e;
        }
    }

    /** Notes what reading took a target that is closed. */
    final void note(Target target) {
        standstill = inPlace.map(Target::standstill).orElseGet(target::standstill);
        swappedIn = target.memory().swappedIn();
        pageSize = target.pageSize();
        inPlace = Optional.empty();
    }

    /** Opens a process, looks at it as long as it runs on, and stops it. */
    private Target ahead(Subject subject, TargetOptions options, Optional<LookAhead> ahead) {
        forker = Optional.empty();
        forked = false;
        notForked = Optional.empty();
        if (ahead.isEmpty() && mode() == Mode.STOP) {
            return subject.open(Mode.STOP, options, sysroot);
        }
        Target target;
        try {
            target = subject.open(Mode.OBSERVE, options, sysroot);
        } catch (TargetException e) {
            // Stopped at once it may say more precisely what is wrong.
            return subject.open(Mode.STOP, options, sysroot);
        }
        held = Optional.empty();
        try {
            prepareFork(target);
            try {
                ahead.ifPresent(look -> look.at(target));
            } catch (RuntimeException e) {
                // It ran on meanwhile, and what is really wrong is told when it stands still.
            }
            // Closed with the target.
            held = Optional.of(target.stop(ahead.map(LookAhead::rest).orElse(Rest.ALWAYS), PATIENCE));
            return target;
        } catch (Throwable e) {
            target.close();
            throw e;
        }
    }

    /** Finds out whether a process can be made to fork a copy, where that is wanted. */
    private void prepareFork(Target running) {
        boolean worth = mode() == Mode.FORK
                || mode() == Mode.AUTO
                        && running.memory()
                                .counts()
                                .filter(counts -> counts.resident() >= WORTH_A_FORK)
                                .isPresent();
        if (worth) {
            Copier made = running.forker();
            made.refusal().ifPresentOrElse(this::notForked, () -> forker = Optional.of(made));
        }
    }

    /** There is no copy: then the process stands still, unless that was not to be. */
    private void notForked(TargetException why) {
        if (mode() == Mode.FORK || why.reason() != TargetException.Reason.NOT_FORKED) {
            throw why;
        }
        forker = Optional.empty();
        notForked = Optional.of(why.getMessage() + ", which is done");
    }

    /** What is read of a process that stands still: a copy that it forks, that itself, or what stands for it. */
    private Target standing(Target still, Problems problems) {
        if (forker.isPresent()) {
            try {
                Target copy = forker.get().copy();
                forked = true;
                return copy;
            } catch (TargetException e) {
                notForked(e);
            }
        }
        return shown(still, problems);
    }

    /** Whether a target can run on, to be looked at again: a core, and a process that was stopped for good, can't. */
    final boolean canRunOn(Target target) {
        return target.runsOn() && (held.isPresent() || observes());
    }

    /**
     * Lets a process run on for a moment, so that it can be looked at again as it is then: when what must be at rest
     * is.
     *
     * @return whether it has, and stands still again if it did
     */
    final boolean runsOnForAMoment(Target target) {
        if (!canRunOn(target)) {
            return false;
        }
        held.ifPresent(Target.Stop::close);
        LockSupport.parkNanos(MOMENT_NANOS);
        if (held.isEmpty()) {
            return true;
        }
        held = Optional.empty();
        try {
            held = Optional.of(target.stop(lookAhead().map(LookAhead::rest).orElse(Rest.ALWAYS), PATIENCE));
            return true;
        } catch (TargetException e) {
            // What was seen before must do.
            return false;
        }
    }

    /** Reads an open target, or what stands for it, and closes it. */
    private <T> T read(Subject subject, Target opened, Problems problems, Function<Target, T> read) {
        try {
            Target shown = stops(subject) ? standing(opened, problems) : opened;
            return shown == opened ? read.apply(opened) : readInPlace(opened, shown, problems, read);
        } catch (UnmappedAddressException e) {
            throw e;
        } catch (TargetException e) {
            throw lost(opened, e);
        } finally {
            problems.notices(opened.notices());
            subject.close(opened);
        }
    }

    /** Reads what stands for a target, and closes it. */
    private <T> T readInPlace(Target left, Target shown, Problems problems, Function<Target, T> read) {
        try (shown) {
            // It runs on from here.
            left.close();
            held = Optional.empty();
            return read.apply(shown);
        } finally {
            if (forked) {
                problems.notices(shown.notices());
                inPlace = Optional.of(shown);
            }
        }
    }

    /** Says how to read what can't be stopped: the library does not know what the command calls it. */
    private static TargetException advised(TargetException failure) {
        return switch (failure.reason()) {
            case TRACED_BY_ANOTHER, TRACED_BY_THIS_JVM, NOT_STOPPED, OWN_PROCESS ->
                new TargetException(
                        failure.reason(), failure.getMessage() + "; that is done with --mode observe", failure);
            case NOT_FORKED ->
                new TargetException(failure.reason(), failure.getMessage() + ", with --mode stop", failure);
            case STOPPED_TOO_LONG ->
                new TargetException(
                        failure.reason(),
                        failure.getMessage() + "; try --mode observe, a larger --max-stop, or a core of it",
                        failure);
            default -> failure;
        };
    }

    /** Says of a core that was cut off that what was looked for may have been in the part that is missing. */
    private static TargetException lost(Target target, TargetException failure) {
        return target.truncation()
                .map(cut -> new TargetException(
                        failure.reason(),
                        "the core is %s, and what was looked for may be in the part that is missing: %s"
                                .formatted(cut, failure.getMessage()),
                        failure))
                .orElse(failure);
    }
}
