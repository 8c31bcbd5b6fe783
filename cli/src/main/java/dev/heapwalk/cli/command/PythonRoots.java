// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.gc.Roots;
import dev.heapwalk.python.object.ShortRepr;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code heapwalk python roots}: what keeps objects alive. */
@Command(
        name = "roots",
        description = {
            "List the roots, which keep objects alive: modules, frames, types and variables of C code ...",
            "What several roots of a kind hold is listed once. Roots of the kinds stack, thread, "
                    + "interpreter_state and variable are guessed: any word that leads to an object is one."
        })
final class PythonRoots extends RowsCommand {
    @Parameters(paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    @Mixin
    private Redaction redaction;

    private final PythonLooks looks =
            new PythonLooks(this, PythonLooks.Need.NOTHING, runtime -> read(runtime, new Problems()));

    @Override
    String target() {
        return target;
    }

    @Override
    List<Column> sortable() {
        return Answer.COLUMNS;
    }

    @Override
    Optional<String> largest() {
        return Optional.empty();
    }

    private record Root(String category, String name, long address, String type, String value) {}

    @Override
    Optional<LookAhead> lookAhead() {
        return Optional.of(looks);
    }

    @Override
    Report read(Target opened, Problems problems, Progress progress) {
        return looks.at(opened, problems, this::read);
    }

    private Report read(PythonRuntime runtime, Problems problems) {
        List<Root> rows = new ArrayList<>();
        try (ObjectReader reader = runtime.reader();
                Roots roots = new Roots(runtime, reader)) {
            ShortRepr values = new ShortRepr(reader, redaction.told());
            for (RootCategory category : roots.categories()) {
                HeldObjects.of(roots, category)
                        .forEach((address, held) -> rows.add(new Root(
                                category.label(),
                                held,
                                address,
                                reader.typeNames().of(reader.typeAt(address)).toString(),
                                values.of(address))));
            }
            roots.missing().forEach(problems::missing);
        }
        return new Answer(rows);
    }

    private record Answer(List<Root> roots) implements Report {
        static final List<Column> COLUMNS = List.of(
                Column.text("Root", "root"),
                Column.text("Name", "name"),
                Column.address("Address", "address"),
                Column.text("Type", "type"),
                Column.text("Value", "value"));

        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public List<String> dispensable() {
            return List.of("type");
        }

        @Override
        public void rows(RowSink sink) {
            for (Root root : roots) {
                sink.text(root.category);
                sink.text(root.name);
                sink.address(root.address);
                sink.text(root.type);
                sink.text(root.value);
                sink.end();
            }
        }

        @Override
        public void total(RowSink sink) {
            sink.text("%,d roots".formatted(roots.size()));
        }
    }
}
