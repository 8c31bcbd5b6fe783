// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.history.History;
import dev.heapwalk.cli.history.State;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Column;
import dev.heapwalk.memory.Target;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code heapwalk log}: the labelled states of a target. */
@Command(name = "log", description = "List the states of the target that 'heapwalk label' has kept, or delete one.")
final class Log extends RowsCommand {
    @Parameters(
            paramLabel = "TARGET",
            description = TargetCommand.TARGET + " Or a file with labelled states. The target itself is not read.")
    private String target;

    @Option(names = "--delete", paramLabel = "NAME", description = "Delete the state of that name first.")
    private String deleted;

    @Option(
            names = "--delete-ended",
            description = "Delete first what is kept of all processes that have ended, in the folder of states.")
    private boolean deletesEnded;

    @Mixin
    private HistoryFile history;

    @Override
    String target() {
        return target;
    }

    @Override
    List<Column> sortable() {
        return StateList.COLUMNS;
    }

    @Override
    Optional<String> largest() {
        return Optional.empty();
    }

    @Override
    Optional<Report> beforehand(Subject subject, Problems problems) {
        Optional<Path> named = HistoryFile.named(subject);
        Path path = named.orElseGet(() -> history.path(subject));
        if (deleted != null) {
            delete(path);
        }
        if (deletesEnded || named.isEmpty() && history.inFolder()) {
            ended(problems);
        }
        Optional<History> found = History.read(path);
        if (found.isEmpty()) {
            problems.notices(
                    List.of("there is no labelled state: 'heapwalk label %s NAME' makes one".formatted(target)));
            return Optional.of(new StateList(List.of()));
        }
        try (History states = found.get()) {
            states.damage().ifPresent(problems::missing);
            return Optional.of(new StateList(states.states()));
        }
    }

    private void ended(Problems problems) {
        EndedHistories ended = EndedHistories.find();
        if (ended.files().isEmpty()) {
            return;
        }
        if (deletesEnded) {
            ended.delete();
            problems.notices(List.of("deleted the states of " + ended));
        } else {
            problems.notices(List.of(
                    "there are also states of %s: 'heapwalk label' deletes each %d days after its last one, --delete-ended now"
                            .formatted(ended, EndedHistories.DAYS)));
        }
    }

    private void delete(Path path) {
        // Else it would be made.
        if (History.read(path).map(Log::closed).isEmpty()) {
            throw noState(path, List.of());
        }
        try (History states = History.change(path)) {
            State state = states.state(deleted).orElseThrow(() -> noState(path, states.states()));
            states.delete(state);
        }
    }

    private static boolean closed(History history) {
        history.close();
        return true;
    }

    private RuntimeException noState(Path path, List<State> states) {
        return unknown(this, deleted, path, states);
    }

    /** Says that there is no state of a name, and which there are. */
    static RuntimeException unknown(AnyCommand command, String name, Path path, List<State> states) {
        List<String> names = states.stream().map(State::name).toList();
        return command.wrong("there is no state '%s' in %s%s"
                .formatted(name, path, names.isEmpty() ? "" : "; those that it has are " + String.join(", ", names)));
    }

    @Override
    Report read(Target opened, Problems problems, Progress progress) {
        throw new IllegalStateException("all is known without it");
    }
}
