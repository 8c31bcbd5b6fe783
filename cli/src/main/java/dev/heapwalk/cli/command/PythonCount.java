// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.GcState;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.object.TypeName;
import dev.heapwalk.python.owned.TypeCount;
import dev.heapwalk.python.owned.TypeCounts;
import java.util.List;
import java.util.Optional;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code heapwalk python count}: how many objects there are of each type. */
@Command(
        name = "count",
        description = {
            "Count the objects by type, with their bytes, and with the bytes of what they own.",
            "What they own are buffers, such as the elements of a list. What several objects share is counted once."
        })
final class PythonCount extends RowsCommand {
    /** How long objects are counted before a process is stopped, so that all code has run, in nanoseconds. */
    private static final long TRIAL_NANOS = 50_000_000;

    @Parameters(index = "0", paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    @Parameters(
            index = "1..*",
            arity = "0..*",
            paramLabel = "TYPE",
            description = "Only types of this name, with or without their module, or of this module or one below.")
    private List<String> names = List.of();

    @Option(
            names = "--generations",
            description = "Also count the objects in each generation of the garbage collector, those that it leaves "
                    + "alone (gc.freeze), and those that it does not track.")
    private boolean generations;

    private final PythonLooks looks = new PythonLooks(this, PythonLooks.Need.REST, this::tryOut);

    @Override
    String target() {
        return target;
    }

    @Override
    List<Column> sortable() {
        return Answer.columns(generations);
    }

    @Override
    Optional<String> largest() {
        // That is the rows' own order.
        return Optional.empty();
    }

    @Override
    Optional<LookAhead> lookAhead() {
        return Optional.of(looks);
    }

    @Override
    Report read(Target opened, Problems problems, Progress progress) {
        return looks.at(opened, problems, (runtime, seen) -> read(runtime, seen, progress));
    }

    private void tryOut(PythonRuntime runtime) {
        try {
            read(runtime, new Problems(), Progress.ofTrial(TRIAL_NANOS));
        } catch (Progress.Enough e) {
            // What is left would be more of the same.
        }
    }

    private Report read(PythonRuntime runtime, Problems problems, Progress progress) {
        long bytes = (long) runtime.arenas().size() * runtime.arenaSize();
        TypeCounts counts = TypeCounts.of(runtime, Heaps.of(runtime.target()), walked -> progress.at(walked, bytes));
        counts.damages().forEach(damage -> problems.missing(damage.reason()));
        problems.notices(counts.notices());
        return new Answer(
                counts.list().stream().filter(count -> isWanted(count.name())).toList(), generations);
    }

    private boolean isWanted(TypeName type) {
        return names.isEmpty()
                || names.stream()
                        .anyMatch(name -> name.equals(type.qualname())
                                || name.equals(type.toString())
                                || type.module().equals(name)
                                || type.module().startsWith(name + "."));
    }

    private record Answer(List<TypeCount> counts, boolean generations) implements Report {
        private static final List<GcState> LISTED = List.of(
                GcState.GENERATION_0, GcState.GENERATION_1, GcState.GENERATION_2, GcState.TRACKED, GcState.PERMANENT);

        static List<Column> columns(boolean generations) {
            Stream<Column> columns = Stream.of(
                    Column.text("Type", "type"),
                    Column.amount("Objects", "objects"),
                    Column.bytes("Size", "bytes"),
                    Column.bytes("Owned", "owned_bytes"),
                    Column.bytes("Together", "total_bytes"));
            Stream<Column> more = Stream.of(
                    Column.sum("Gen 0", "generation_0"),
                    Column.sum("Gen 1", "generation_1"),
                    Column.sum("Gen 2", "generation_2"),
                    Column.sum("Tracked", "tracked"),
                    Column.sum("Frozen", "frozen"),
                    Column.sum("Not tracked", "not_tracked"));
            return (generations ? Stream.concat(columns, more) : columns).toList();
        }

        @Override
        public List<Column> columns() {
            return columns(generations);
        }

        @Override
        public Optional<String> shared() {
            return Optional.of("total_bytes");
        }

        @Override
        public List<String> dispensable() {
            return List.of("cumulative", "share", "tracked", "frozen", "generation_1");
        }

        @Override
        public void rows(RowSink sink) {
            for (TypeCount count : counts) {
                sink.text(count.name().toString());
                numbers(sink, of -> of.applyAsLong(count));
                sink.end();
            }
        }

        @Override
        public void total(RowSink sink) {
            numbers(sink, of -> counts.stream().mapToLong(of).sum());
        }

        private void numbers(RowSink sink, ToLongFunction<ToLongFunction<TypeCount>> amount) {
            sink.number(amount.applyAsLong(TypeCount::objects));
            sink.number(amount.applyAsLong(TypeCount::bytes));
            sink.number(amount.applyAsLong(TypeCount::owned));
            sink.number(amount.applyAsLong(count -> count.bytes() + count.owned()));
            if (generations) {
                for (GcState state : LISTED) {
                    sink.number(amount.applyAsLong(count -> count.objects(state)));
                }
                sink.number(amount.applyAsLong(
                        count -> count.objects(GcState.UNTRACKED) + count.objects(GcState.NOT_COLLECTED)));
            }
        }
    }
}
