// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.residency.Holding;
import dev.heapwalk.heap.residency.Owner;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;

/** Who has the memory of a process, for people: each owner with the parts of what it has below it, largest first. */
final class MemoryTree implements Report {
    private static final int WHOLE = 1_000;
    /** How many of the parts of an owner are shown. */
    private static final int MOST_PARTS = 5;

    private static final int LONGEST_BAR = 25;

    private static final Column MAPPED = Column.bytes("Mapped", "mapped_bytes");

    private final Column measured;
    private final ToLongFunction<Holding> measure;

    private final List<Line> lines = new ArrayList<>();
    private final Sum all = new Sum();

    /** A line of the tree. */
    private record Line(String text, Sum sum) {}

    private static final class Sum {
        /** What is in memory, or what falls to the processes of that, or what is mapped. */
        private long resident;

        private long shared;
        private long swapped;
        private long mapped;

        void add(Holding holding, ToLongFunction<Holding> measure) {
            resident += measure.applyAsLong(holding);
            shared += holding.shared();
            swapped += holding.swapped();
            mapped += holding.mapped();
        }

        void add(Sum other) {
            resident += other.resident;
            shared += other.shared;
            swapped += other.swapped;
            mapped += other.mapped;
        }

        long there() {
            return resident + swapped;
        }
    }

    /** What one process has. */
    static MemoryTree of(List<Holding> holdings) {
        return new MemoryTree(holdings, Column.bytes("In memory", "resident_bytes"), Holding::resident);
    }

    /** What is mapped, of a target that does not tell what is in memory. */
    static MemoryTree ofMapped(List<Holding> holdings) {
        return new MemoryTree(holdings, MAPPED, Holding::mapped);
    }

    /** What several processes have together, each page counted once. */
    static MemoryTree ofShares(List<Holding> holdings) {
        return new MemoryTree(holdings, Column.bytes("PSS", "pss_bytes"), Holding::proportional);
    }

    private MemoryTree(List<Holding> holdings, Column measured, ToLongFunction<Holding> measure) {
        this.measured = measured;
        this.measure = measure;
        Map<String, List<Holding>> owners = new LinkedHashMap<>();
        for (Holding holding : holdings) {
            all.add(holding, measure);
            if (holding.resident() + holding.swapped() > 0 || measured == MAPPED && holding.mapped() > 0) {
                owners.computeIfAbsent(top(holding.owner()), _ -> new ArrayList<>())
                        .add(holding);
            }
        }
        owners.entrySet().stream()
                .map(entry -> new Branch(entry.getKey(), entry.getValue(), measure))
                .sorted(Comparator.comparingLong((Branch branch) -> branch.sum.there())
                        .reversed())
                .forEach(branch -> branch.addTo(lines));
    }

    private static String top(Owner owner) {
        return owner.kind() == Owner.Kind.HEAP ? owner.name() : owner.kind().label();
    }

    private static String below(Owner owner) {
        if (owner.kind() == Owner.Kind.HEAP) {
            return owner.part().label();
        }
        String name = owner.name().substring(owner.name().lastIndexOf('/') + 1);
        return name.isEmpty() ? owner.part().label() : name + (owner.part() == Owner.Part.WRITTEN ? ", written" : "");
    }

    private static final class Branch {
        private final String text;
        private final Sum sum = new Sum();
        private final List<Line> parts = new ArrayList<>();

        Branch(String text, List<Holding> holdings, ToLongFunction<Holding> measure) {
            this.text = text;
            Map<String, Sum> sums = new LinkedHashMap<>();
            for (Holding holding : holdings) {
                sum.add(holding, measure);
                sums.computeIfAbsent(below(holding.owner()), _ -> new Sum()).add(holding, measure);
            }
            sums.forEach((name, part) -> parts.add(new Line(name, part)));
            parts.sort(Comparator.comparingLong((Line line) -> line.sum.there()).reversed());
        }

        void addTo(List<Line> lines) {
            lines.add(new Line(text, sum));
            if (parts.size() == 1 && parts.getFirst().text.isEmpty()) {
                return;
            }
            int shown = parts.size() <= MOST_PARTS + 1 ? parts.size() : MOST_PARTS;
            for (Line part : parts.subList(0, shown)) {
                lines.add(new Line("  " + (part.text.isEmpty() ? "without a name" : part.text), part.sum));
            }
            if (shown < parts.size()) {
                Sum rest = new Sum();
                parts.subList(shown, parts.size()).forEach(part -> rest.add(part.sum));
                lines.add(new Line("  and %,d more".formatted(parts.size() - shown), rest));
            }
        }
    }

    @Override
    public List<Column> columns() {
        List<Column> columns = new ArrayList<>(List.of(
                Column.text("Owner", "owner"), measured, Column.share("Share", "share"), Column.text("", "bar")));
        if (measured != MAPPED) {
            columns.addAll(
                    List.of(Column.bytes("Shared", "shared_bytes"), Column.bytes("Swapped", "swapped_bytes"), MAPPED));
        }
        return columns;
    }

    @Override
    public List<String> dispensable() {
        return List.of("mapped_bytes", "swapped_bytes", "shared_bytes", "bar");
    }

    @Override
    public void rows(RowSink sink) {
        for (Line line : lines) {
            sink.text(line.text);
            numbers(line.sum, sink);
            sink.end();
        }
    }

    @Override
    public void total(RowSink sink) {
        numbers(all, sink);
    }

    private void numbers(Sum sum, RowSink sink) {
        long share = all.resident == 0 ? 0 : Math.round((double) sum.resident * WHOLE / all.resident);
        sink.number(sum.resident);
        sink.number(share);
        sink.text(sum == all ? "" : "#".repeat((int) (share * LONGEST_BAR / WHOLE)));
        if (measured != MAPPED) {
            sink.number(sum.shared);
            sink.number(sum.swapped);
            sink.number(sum.mapped);
        }
    }
}
