// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.Reports;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.gc.FoundObject;
import dev.heapwalk.python.gc.ObjectFinder;
import dev.heapwalk.python.gc.References;
import dev.heapwalk.python.object.ShortRepr;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code heapwalk python show}: one object in full. */
@Command(
        name = "show",
        description = {
            "Show one object in full: what it is, and what it refers to.",
            "An address within an object or within a buffer that one owns shows that object."
        })
final class PythonShow extends RowsCommand {
    @Parameters(index = "0", paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    @Parameters(
            index = "1",
            paramLabel = "ADDRESS",
            description = "The id of an object, such as 0x7f0012345678, or any address in it.")
    private String address;

    @Mixin
    private Redaction redaction;

    private final PythonLooks looks =
            new PythonLooks(this, PythonLooks.Need.REST, runtime -> show(runtime, new Problems()));

    @Override
    String target() {
        return TwoWords.swapped(address, target) ? address : target;
    }

    @Override
    void check() {
        super.check();
        number();
    }

    private long number() {
        return TwoWords.object(address, target, this);
    }

    /** Each table has its own. */
    @Override
    List<Column> sortable() {
        return List.of();
    }

    @Override
    Optional<String> largest() {
        return Optional.empty();
    }

    @Override
    Optional<LookAhead> lookAhead() {
        return Optional.of(looks);
    }

    @Override
    Report read(Target opened, Problems problems, Progress progress) {
        return looks.at(opened, problems, this::show);
    }

    private Report show(PythonRuntime runtime, Problems problems) {
        try (ObjectReader reader = runtime.reader()) {
            FoundObject found = new ObjectFinder(runtime, reader)
                    .find(number())
                    .orElseThrow(() ->
                            wrong("there is no object at 0x%x, and none that the address lies in".formatted(number())));
            ShortRepr values = new ShortRepr(reader, redaction.told());
            List<Reference> rows = new ArrayList<>();
            try (References references = new References(runtime, reader, redaction.told())) {
                boolean whole = references.all(found.address(), found.type(), (held, kind, label) -> {
                    StringBuilder name = new StringBuilder();
                    label.appendTo(name);
                    rows.add(new Reference(name.toString(), kind, held, "", ""));
                });
                if (!whole) {
                    problems.missing("not all that the object refers to is known for certain");
                }
            }
            rows.replaceAll(row -> row.kind == EdgeKind.OWNS ? row : row.told(reader, values));
            return new Reports(List.of(new Facts(facts(found, reader, values)), new Held(rows)));
        }
    }

    private record Fact(String name, String value) {}

    private List<Fact> facts(FoundObject found, ObjectReader reader, ShortRepr values) {
        List<Fact> facts = new ArrayList<>();
        if (found.within() != 0 || !found.buffer().isEmpty()) {
            String place = found.buffer().isEmpty() ? "the object" : "its " + found.buffer();
            facts.add(new Fact("asked for", "0x%x, %,d bytes into %s".formatted(number(), found.within(), place)));
        }
        facts.add(new Fact("address", "0x%x".formatted(found.address())));
        facts.add(new Fact("type", reader.typeNames().of(found.type()).toString()));
        facts.add(new Fact("type address", "0x%x".formatted(found.type())));
        facts.add(new Fact("value", values.of(found.address())));
        if (found.size() >= 0) {
            facts.add(new Fact("size", "%,d bytes".formatted(found.size())));
        }
        if (found.owned() > 0) {
            facts.add(new Fact("owned", "%,d bytes".formatted(found.owned())));
        }
        facts.add(new Fact("references", found.immortal() ? "not counted" : "%,d".formatted(found.refcnt())));
        found.gcState()
                .ifPresent(state -> facts.add(new Fact(
                        "collector", state.name().toLowerCase(Locale.ROOT).replace('_', ' '))));
        facts.add(
                found.block() == 0
                        ? new Fact("lies in", "the variables of a module")
                        : new Fact(
                                "lies in", "a block of %,d bytes at 0x%x".formatted(found.blockSize(), found.block())));
        return facts;
    }

    private record Facts(List<Fact> facts) implements Report {
        private static final List<Column> COLUMNS = List.of(Column.text("Object", "field"), Column.text("", "value"));

        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public void rows(RowSink sink) {
            for (Fact fact : facts) {
                sink.text(fact.name);
                sink.text(fact.value);
                sink.end();
            }
        }

        @Override
        public boolean totalled() {
            return false;
        }

        @Override
        public void total(RowSink sink) {
            sink.text("");
        }
    }

    private record Reference(String name, EdgeKind kind, long address, String type, String value) {
        Reference told(ObjectReader reader, ShortRepr values) {
            String of = reader.typeNames().of(reader.typeAt(address)).toString();
            return new Reference(name, kind, address, of, values.of(address));
        }
    }

    private record Held(List<Reference> references) implements Report {
        private static final List<Column> COLUMNS = List.of(
                Column.text("Reference", "reference"),
                Column.text("Kind", "kind"),
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
            for (Reference reference : references) {
                sink.text(reference.name);
                sink.text(reference.kind.name().toLowerCase(Locale.ROOT));
                sink.address(reference.address);
                sink.text(reference.type);
                sink.text(reference.value);
                sink.end();
            }
        }

        @Override
        public void total(RowSink sink) {
            sink.text("%,d references".formatted(references.size()));
        }
    }
}
