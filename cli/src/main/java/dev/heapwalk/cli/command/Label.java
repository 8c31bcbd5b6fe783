// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.history.History;
import dev.heapwalk.cli.history.Snapshot;
import dev.heapwalk.cli.history.State;
import dev.heapwalk.cli.output.Bytes;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.UsageCursor;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code heapwalk label}: keeps the used blocks of a target under a name. */
@Command(
        name = "label",
        description = "Keep the used chunks of the target under a name, to be compared with later by 'heapwalk diff'.")
final class Label extends HeapCommand {
    private static final int LONGEST_NAME = 100;
    private static final String MOST = "1G";

    @Parameters(index = "1", paramLabel = "NAME", description = "What the state is called; not 'current'.")
    private String name;

    @Option(
            names = "--max-history",
            paramLabel = "SIZE",
            defaultValue = MOST,
            description = "How large the file with the states may be, ${DEFAULT-VALUE} unless given.")
    private String room;

    @Mixin
    private HistoryFile history;

    @Override
    Scope scope() {
        return Scope.ALL;
    }

    @Override
    Optional<String> largest() {
        return Optional.empty();
    }

    @Override
    void check() {
        super.check();
        if (name.isBlank()
                || name.length() > LONGEST_NAME
                || name.equals(History.CURRENT)
                || name.chars().anyMatch(Character::isISOControl)) {
            throw wrong("NAME must be a word of at most %d characters, and not '%s'"
                    .formatted(LONGEST_NAME, History.CURRENT));
        }
        room();
    }

    private long room() {
        return Bytes.parse(room)
                .orElseThrow(() -> wrong("--max-history must be a size such as 512M, not '" + room + "'"));
    }

    @Override
    Optional<Report> beforehand(Subject subject, Problems problems) {
        // So that no process is stopped for nothing; it is looked at again when the state is kept.
        History.read(history.path(subject)).ifPresent(found -> {
            try (found) {
                refuseSecond(found);
                found.damage().ifPresent(problems::missing);
            }
        });
        return Optional.empty();
    }

    private void refuseSecond(History states) {
        if (states.state(name).isPresent()) {
            throw wrong("there is a state '%s' in %s: 'heapwalk log %s --delete NAME' deletes one"
                    .formatted(name, states.path(), target()));
        }
    }

    @Override
    Report read(Heaps heaps, Problems problems, Progress progress) {
        // While the process is there.
        Path path = history.path(heaps.target(), target());
        return new Taken(path, heaps.target().description(), snapshot(heaps, categorizers, problems, progress));
    }

    /** Takes note of all used blocks. */
    static Snapshot snapshot(Heaps heaps, Categorizers categorizers, Problems problems, Progress progress) {
        Snapshot.Builder blocks = new Snapshot.Builder();
        try (UsageCursor usage = categorizers.over(heaps)) {
            watch(usage, progress);
            walk(usage, progress, one -> {
                if (one.state() == BlockState.USED) {
                    blocks.add(one);
                }
            });
            damage(usage, problems);
        }
        return blocks.build();
    }

    /** A state that is not kept yet. */
    private final class Taken extends StateList {
        private final long millis = System.currentTimeMillis();
        private final Path path;
        private final String target;
        private final Snapshot blocks;

        Taken(Path path, String target, Snapshot blocks) {
            super(List.of());
            this.path = path;
            this.target = target;
            this.blocks = blocks;
        }

        Report keep() {
            State added;
            try (History states = History.change(path)) {
                refuseSecond(states);
                added = states.add(name, millis, target, blocks, room());
            }
            if (history.inFolder()) {
                EndedHistories.find().due(millis).delete();
            }
            return new StateList(List.of(added));
        }

        @Override
        public void close() {
            blocks.close();
        }
    }

    @Override
    Report concluded(Report report) {
        return ((Taken) report).keep();
    }
}
