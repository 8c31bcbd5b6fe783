// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.history.History;
import dev.heapwalk.cli.history.Snapshot;
import dev.heapwalk.cli.history.State;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.memory.Target;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code heapwalk diff}: how two states differ. */
@Command(
        name = "diff",
        description = {
            "Tell which used chunks came, went and changed from one state to another, by category and by size.",
            "OLD is the last labelled state unless given, NEW the target as it is. Of two core files: diff OLD NEW."
        })
final class Diff extends RowsCommand {
    @Parameters(
            index = "0",
            paramLabel = "TARGET",
            description = TargetCommand.TARGET + " Or a file with labelled states.")
    private String target;

    @Parameters(
            index = "1",
            arity = "0..1",
            paramLabel = "OLD",
            description = "A labelled state, 'current', or a second core file.")
    private String old;

    @Parameters(index = "2", arity = "0..1", paramLabel = "NEW", description = "A labelled state, or 'current'.")
    private String now;

    @Option(names = "--blocks", description = "Also list each chunk that came, went or changed.")
    private boolean blocks;

    @Mixin
    private HistoryFile history;

    private final Categorizers categorizers = new Categorizers();

    /** The states that are read from files; empty for what is still to be read of the target. */
    private Optional<Snapshot> before = Optional.empty();

    private Optional<Snapshot> after = Optional.empty();

    @Override
    String target() {
        return target;
    }

    @Override
    List<Column> sortable() {
        return DiffReport.columnsOfAll();
    }

    @Override
    Optional<String> largest() {
        return Optional.empty();
    }

    @Override
    Optional<HeapCommand.Scope> located() {
        return Optional.of(HeapCommand.Scope.ALL);
    }

    @Override
    Optional<Report> beforehand(Subject subject, Problems problems) {
        before = Optional.empty();
        after = Optional.empty();
        Optional<Path> saved = HistoryFile.named(subject);
        if (saved.isPresent()) {
            ofSaved(saved.get(), problems);
        } else if (old != null && now == null && !old.equals(History.CURRENT) && isOther(subject)) {
            after = Optional.of(other(Path.of(old), problems));
        } else {
            ofLabels(subject, problems);
        }
        return before.isPresent() && after.isPresent()
                ? Optional.of(new DiffReport(before.get(), after.get(), blocks))
                : Optional.empty();
    }

    /** Whether the second word names a file and no state. */
    private boolean isOther(Subject subject) {
        if (!Files.isRegularFile(Path.of(old))) {
            return false;
        }
        try (History states = History.read(history.path(subject)).orElse(null)) {
            return states == null || states.state(old).isEmpty();
        }
    }

    /** The blocks of a core file, or of the last state of a history. */
    private Snapshot other(Path file, Problems problems) {
        if (History.is(file)) {
            try (History states = History.read(file).orElseThrow()) {
                return last(states, 0);
            }
        }
        try (Target core = new Subject.Core(file).open()) {
            Snapshot read = Label.snapshot(Heaps.of(core), categorizers, problems, new Progress());
            problems.notices(core.notices());
            return read;
        }
    }

    private void ofSaved(Path path, Problems problems) {
        try (History states = History.read(path).orElseThrow()) {
            states.damage().ifPresent(problems::missing);
            before = Optional.of(old == null ? last(states, 1) : named(states, old));
            after = Optional.of(now == null ? last(states, 0) : named(states, now));
        }
    }

    private void ofLabels(Subject subject, Problems problems) {
        boolean oldIsCurrent = History.CURRENT.equals(old);
        boolean nowIsCurrent = now == null || now.equals(History.CURRENT);
        if (oldIsCurrent && nowIsCurrent) {
            throw wrong("OLD and NEW are both the target as it is");
        }
        Path path = history.path(subject);
        try (History states = History.read(path).orElse(null)) {
            if (states == null) {
                throw wrong("there is no labelled state: 'heapwalk label %s NAME' makes one".formatted(target));
            }
            states.damage().ifPresent(problems::missing);
            if (!oldIsCurrent) {
                before = Optional.of(old == null ? last(states, 0) : named(states, old));
            }
            if (!nowIsCurrent) {
                after = Optional.of(named(states, now));
            }
        }
    }

    /** The last state of a history, or one so many before it. */
    private Snapshot last(History history, int more) {
        List<State> states = history.states();
        if (states.size() <= more) {
            throw wrong("%s has %s".formatted(history.path(), states.isEmpty() ? "no state" : "only one state"));
        }
        return history.blocks(states.get(states.size() - 1 - more));
    }

    private Snapshot named(History history, String name) {
        return history.blocks(
                history.state(name).orElseThrow(() -> Log.unknown(this, name, history.path(), history.states())));
    }

    @Override
    Report read(Target opened, Problems problems, Progress progress) {
        return looks(opened).at(opened, problems, seen -> look(heaps(opened), seen, progress));
    }

    private Report look(Heaps heaps, Problems problems, Progress progress) {
        problems.notices(heaps.notices());
        return new Taken(Label.snapshot(heaps, categorizers, problems, progress));
    }

    @Override
    Report concluded(Report report) {
        Snapshot current = ((Taken) report).blocks();
        return new DiffReport(before.orElse(current), after.orElse(current), blocks);
    }

    /** What the target has now. */
    private record Taken(Snapshot blocks) implements Report {
        @Override
        public List<Column> columns() {
            return List.of();
        }

        @Override
        public void rows(RowSink sink) {
            // They are compared before they are shown.
        }

        @Override
        public void total(RowSink sink) {
            // There is none.
        }

        @Override
        public void close() {
            blocks.close();
        }
    }
}
