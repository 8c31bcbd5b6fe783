// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.AtExit;
import dev.heapwalk.cli.output.Bytes;
import dev.heapwalk.cli.output.Failure;
import dev.heapwalk.cli.output.Format;
import dev.heapwalk.cli.output.Interruption;
import dev.heapwalk.cli.output.Look;
import dev.heapwalk.cli.output.Output;
import dev.heapwalk.cli.output.StandardOutput;
import dev.heapwalk.cli.output.Terminal;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.heap.usage.UsageTotals;
import dev.heapwalk.memory.MemoryCounts;
import dev.heapwalk.memory.NoSuchProcessException;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.text.SafeText;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code heapwalk watch}: what of a process grows. */
@Command(
        name = "watch",
        description = {
            "Look at a process again and again, and show what of its heap grows, by category and by size.",
            "It is not stopped, unless --mode stop says so. Ctrl-C ends it with a summary."
        })
final class Watch extends TargetCommand {
    private static final Pattern TIME = Pattern.compile("([0-9]{1,6}(?:\\.[0-9]{1,3})?)(ms|s|m|h)?");
    private static final int SIZES = 5;
    private static final int USUAL_ROWS = 15;
    /** What stands on a terminal beside rows. */
    private static final int OTHER_LINES = 12;

    private static final int FEWEST_ROWS = 3;
    /** How often a heap may be in a state in which nobody can tell what it is. */
    private static final int MOST_UNSEEN = 10;
    /** How often it is asked meanwhile whether Ctrl-C in a shell ends it, in nanoseconds. */
    private static final long GLANCE = 100_000_000;

    @Parameters(paramLabel = "TARGET", description = "A process id, the word demo, or the name of a process.")
    private String target;

    @Option(
            names = "--every",
            paramLabel = "TIME",
            defaultValue = "10s",
            description = "How long it is from one look to the next: 500ms, 10s (the default), 5m, 1h.")
    private String every;

    @Option(names = "--looks", paramLabel = "N", description = "End after so many looks.")
    private Integer most;

    @Option(
            names = "--format",
            paramLabel = "table|jsonl",
            description = "table (the default), or jsonl (one JSON object a look).")
    private Format format = Format.TABLE;

    @Option(names = "--top", paramLabel = "N", description = "How many categories and sizes a table shows.")
    private Integer top;

    @Option(names = "--human", description = "Write sizes in KiB, MiB and so on: 1 KiB is 1,024 bytes.")
    private boolean human;

    private final Categorizers categorizers = new Categorizers();
    private final Watched seen = new Watched();
    /** What of the last look was left out. */
    private List<String> notices = List.of();
    /** Whether the summary was printed. */
    private boolean ended;

    private long pause;
    private String process = "";

    @Override
    String target() {
        return target;
    }

    @Override
    Mode usualMode() {
        return Mode.OBSERVE;
    }

    /** It looks again and again at one process. */
    @Override
    boolean readsCopies() {
        return false;
    }

    @Override
    void check() {
        Matcher time = TIME.matcher(every);
        if (!time.matches()) {
            throw wrong("--every must be a time such as 500ms, 10s, 5m or 1h, not '" + every + "'");
        }
        double unit = switch (Optional.ofNullable(time.group(2)).orElse("s")) {
            case "ms" -> 1e6;
            case "m" -> 60e9;
            case "h" -> 3600e9;
            default -> 1e9;
        };
        pause = (long) (Double.parseDouble(time.group(1)) * unit);
        if (pause < TimeUnit.MILLISECONDS.toNanos(1)) {
            throw wrong("--every must be at least 1ms, not '" + every + "'");
        }
        if (format == Format.CSV) {
            throw wrong("--format must be table or jsonl: a look has lists of its own");
        }
        if (most != null && most < 1) {
            throw wrong("--looks must be at least 1, not " + most);
        }
        if (top != null && top < 1) {
            throw wrong("--top must be at least 1, not " + top);
        }
    }

    @Override
    int answer(Subject subject) {
        if (subject instanceof Subject.Held) {
            throw wrong("the process is held, and does not change; 'continue' lets it run on");
        }
        if (!(subject instanceof Subject.Pid one)) {
            throw wrong("'" + target + "' is a core file, which never changes: watch a process");
        }
        try (AtExit _ = new AtExit("heapwalk-summary", this::summary)) {
            int status = Reading.of(targetOptions(), options -> {
                try (Target opened = Target.observe(one.pid(), options)) {
                    process = opened.description();
                    try {
                        return watch(opened);
                    } finally {
                        note(opened);
                    }
                }
            });
            summary();
            return status;
        } catch (Output.WriteException e) {
            if (!e.closedPipe()) {
                throw e;
            }
            unread();
            return Failure.FINE;
        }
    }

    private int watch(Target opened) {
        Heaps heaps = Heaps.of(opened);
        WatchLines lines = format == Format.JSONL ? new WatchLines() : null;
        try (UsageCursor usage = categorizers.over(heaps)) {
            long begun = System.nanoTime();
            int unseen = 0;
            for (long due = begun; ; due = next(due)) {
                while (System.nanoTime() - due < 0) {
                    Interruption.check();
                    LockSupport.parkNanos(Math.min(due - System.nanoTime(), GLANCE));
                }
                try {
                    look(opened, usage, (System.nanoTime() - begun) / 60e9);
                } catch (UnsupportedTargetException e) {
                    // It changed too much to be recognised.
                    if (++unseen == MOST_UNSEEN) {
                        throw e;
                    }
                    continue;
                }
                unseen = 0;
                show(lines, usage.leftOutBytes());
                if (most != null && seen.looks() >= most) {
                    return Failure.FINE;
                }
            }
        } catch (Interruption e) {
            // What follows is the summary.
            Interruption.forget();
            return Failure.FINE;
        } catch (NoSuchProcessException e) {
            Failure.say(seen.looks() == 0 ? e.getMessage() : process + " has ended");
            return seen.looks() == 0 ? Failure.UNREADABLE : Failure.FINE;
        }
    }

    /** When the next look is due: what comes too late is left out rather than caught up on. */
    private long next(long due) {
        long late = System.nanoTime() - due;
        return due + Math.max(1, (late + pause - 1) / pause) * pause;
    }

    private void look(Target opened, UsageCursor usage, double minutes) {
        if (observes()) {
            HeapsAhead.rest(usage.heaps()).await(PATIENCE);
            count(opened, usage, minutes);
            return;
        }
        try (Target.Stop _ = opened.stop(HeapsAhead.rest(usage.heaps()), PATIENCE)) {
            opened.settle(usage.heaps().rest());
            count(opened, usage, minutes);
        }
    }

    private void count(Target opened, UsageCursor usage, double minutes) {
        long resident = opened.memory().counts().map(MemoryCounts::resident).orElse(0L);
        usage.refresh();
        UsageTotals totals = new UsageTotals();
        SizeTally tally = new SizeTally();
        while (usage.next()) {
            totals.add(usage);
            if (usage.state() == BlockState.USED) {
                tally.add(usage.size());
            }
        }
        seen.add(minutes, resident, totals, tally);
        notices = usage.notices();
    }

    private synchronized void show(WatchLines lines, long leftOutBytes) {
        if (ended) {
            return;
        }
        if (lines != null) {
            lines.write(seen, leftOutBytes);
            return;
        }
        boolean terminal = Terminal.output();
        int rows = top != null ? top : rows(terminal);
        Output out = new Output(new StandardOutput());
        out.utf8(terminal ? "\033[H\033[J" : "");
        out.utf8(SafeText.of("%s: look %,d after %s, every %s%s"
                .formatted(
                        process,
                        seen.looks(),
                        time(seen.minutes()),
                        every,
                        leftOutBytes == 0
                                ? ""
                                : "; it changed while it was looked at, and %s is missing"
                                        .formatted(Bytes.text(leftOutBytes)))));
        out.put('\n');
        tables(rows, out);
        if (!terminal) {
            out.put('\n');
        }
        out.flush();
    }

    private static int rows(boolean terminal) {
        int height = terminal ? Terminal.height() : 0;
        return height == 0 ? USUAL_ROWS : Math.clamp(height - OTHER_LINES - SIZES, FEWEST_ROWS, USUAL_ROWS);
    }

    private void tables(int rows, Output out) {
        table(
                List.of("In all"),
                List.of(
                        new WatchTable.Row(List.of("RSS"), seen.resident()),
                        new WatchTable.Row(List.of("in use"), seen.used())),
                out);
        List<WatchTable.Row> categories = seen.categories().stream()
                .limit(rows)
                .map(entry -> new WatchTable.Row(names(entry.getKey()), entry.getValue()))
                .toList();
        if (!categories.isEmpty()) {
            out.put('\n');
            table(List.of("Domain", "Kind", "Detail"), categories, out);
        }
        List<WatchTable.Row> sizes = seen.sizes().stream()
                .limit(top != null ? top : SIZES)
                .map(entry -> new WatchTable.Row(List.of("%,d bytes".formatted(entry.getKey())), entry.getValue()))
                .toList();
        if (!sizes.isEmpty()) {
            out.put('\n');
            table(List.of("Blocks of a size"), sizes, out);
        }
    }

    private static List<String> names(Category category) {
        return List.of(category.domain().label(), category.kind(), category.detail());
    }

    private void table(List<String> titles, List<WatchTable.Row> rows, Output out) {
        format.print(new WatchTable(titles, rows), new Look(human, Terminal.width(), false), out);
    }

    /** Prints what was seen in all, once. */
    private synchronized void summary() {
        if (ended || seen.looks() == 0) {
            return;
        }
        ended = true;
        List<String> lines = summed();
        if (format == Format.JSONL) {
            lines.forEach(Failure::say);
            return;
        }
        Output out = new Output(new StandardOutput());
        if (Terminal.output()) {
            out.put('\n');
        }
        for (String line : lines) {
            out.utf8(SafeText.of(line));
            out.put('\n');
        }
        out.flush();
    }

    private List<String> summed() {
        List<String> lines = new ArrayList<>();
        lines.add("%s: %,d looks in %s. RSS: %s, %s since the start; %s."
                .formatted(
                        process,
                        seen.looks(),
                        time(seen.minutes()),
                        Bytes.text(seen.resident().bytes().now()),
                        more(seen.resident().bytes().sinceStart()),
                        told(seen.resident().bytes())));
        List<String> growing = new ArrayList<>();
        seen.categories().stream()
                .filter(entry -> Watched.grows(entry.getValue()))
                .limit(USUAL_ROWS)
                .forEach(entry -> growing.add("  %s: %s since the start; %s"
                        .formatted(
                                entry.getKey(),
                                more(entry.getValue().bytes().sinceStart()),
                                told(entry.getValue().bytes()))));
        if (seen.looks() < Trend.FEWEST) {
            lines.add("It takes %d looks to tell growth from noise.".formatted(Trend.FEWEST));
        } else if (growing.isEmpty()) {
            lines.add("No category of blocks grows: what changed is noise.");
        } else {
            lines.add("What grows:");
            lines.addAll(growing);
        }
        notices.forEach(notice -> lines.add("notice: " + notice));
        return lines;
    }

    private static String more(long bytes) {
        return (bytes < 0 ? "" : "+") + Bytes.text(bytes);
    }

    /** A trend in words, with its error where there is one. */
    private static String told(Trend trend) {
        return switch (trend.direction()) {
            case GROWS, SHRINKS ->
                "%s by %s ± %s a minute"
                        .formatted(
                                trend.direction(),
                                Bytes.text(Math.abs(Math.round(trend.perMinute()))),
                                Bytes.text(Math.round(trend.error())));
            case STEADY, TOO_EARLY -> trend.direction().toString();
        };
    }

    /** Nobody reads any more. */
    private synchronized void unread() {
        ended = true;
    }

    private static String time(double minutes) {
        return minutes < 2
                ? String.format(Locale.ROOT, "%.1f s", minutes * 60)
                : String.format(Locale.ROOT, "%.1f minutes", minutes);
    }
}
