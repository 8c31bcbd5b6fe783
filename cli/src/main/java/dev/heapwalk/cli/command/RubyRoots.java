// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.gc.Roots;
import dev.heapwalk.ruby.vm.Interpreter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code heapwalk ruby roots}: what keeps objects alive. */
@Command(
        name = "roots",
        description =
                "List the roots, which keep objects alive: global variables by name, machine stack, finalizers ...")
final class RubyRoots extends RowsCommand {
    @Parameters(paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    @Mixin
    private Redaction redaction;

    private final RubyLooks looks = new RubyLooks(this, RubyLooks.Need.REST, vm -> read(vm, new Problems()));

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

    /** A root; its address is 0 for a value that is no reference. */
    private record Root(String category, String name, long address, String value) {}

    @Override
    Optional<LookAhead> lookAhead() {
        return Optional.of(looks);
    }

    @Override
    Report read(Target opened, Problems problems, Progress progress) {
        return looks.at(opened, problems, this::read);
    }

    private Report read(RubyVm vm, Problems problems) {
        ObjectReader reader = vm.reader();
        ValueText values = new ValueText(new Interpreter(reader), redaction.told());
        Roots roots = new Roots(reader);
        List<Root> rows = new ArrayList<>();
        try {
            roots.globals().stream()
                    .filter(global -> global.name().isPresent())
                    .sorted(Comparator.comparing(global -> global.name().get()))
                    .forEach(global -> rows.add(new Root(
                            Roots.GLOBAL_TABLE.label(),
                            global.name().get(),
                            reader.constants().isReference(global.value()) ? global.value() : 0,
                            text(global, reader, values))));
        } catch (UnmappedAddressException e) {
            problems.missing("global variables: " + e.getMessage());
        }
        for (RootCategory category : roots.categories()) {
            if (!category.equals(Roots.GLOBAL_TABLE)) {
                HeldObjects.of(roots, category)
                        .forEach((address, held) ->
                                rows.add(new Root(category.label(), held, address, values.of(address))));
            }
        }
        roots.missing().forEach(problems::missing);
        return new Answer(rows);
    }

    /** The value, or what is known of one that Ruby makes at each use; and whose it is if not the process's. */
    private static String text(Roots.Global global, ObjectReader reader, ValueText values) {
        String text = global.known()
                ? values.of(global.value())
                : global.part().isPresent()
                        ? values.of(global.part().get())
                        : reader.isSlot(global.value())
                                ? "made from " + values.of(global.value())
                                : "(known to its C code only)";
        return switch (global.scope()) {
            case PROCESS -> text;
            case THREAD -> text + " (thread-local, the main thread's)";
            case FRAME -> text + " (frame-local, the main thread's)";
        };
    }

    private record Answer(List<Root> roots) implements Report {
        static final List<Column> COLUMNS = List.of(
                Column.text("Root", "root"),
                Column.text("Name", "name"),
                Column.address("Address", "address"),
                Column.text("Value", "value"));

        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public void rows(RowSink sink) {
            for (Root root : roots) {
                sink.text(root.category);
                sink.text(root.name);
                if (root.address == 0) {
                    sink.none();
                } else {
                    sink.address(root.address);
                }
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
