// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Format;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.Reports;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.residency.Holding;
import dev.heapwalk.heap.residency.MemoryOwners;
import dev.heapwalk.heap.residency.OwnedMemory;
import dev.heapwalk.heap.residency.Owner;
import dev.heapwalk.heap.residency.Reclaimable;
import dev.heapwalk.memory.MemoryCounts;
import dev.heapwalk.memory.Residency;
import dev.heapwalk.memory.Target;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToLongFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code heapwalk memory}: who has the memory of a process. */
@Command(
        name = "memory",
        description = {
            "Show who has the memory of a process: every byte in memory has one owner, and all together are its RSS.",
            "Also what malloc_trim(0) would give back of each arena."
        })
final class Memory extends ReportCommand {
    @Parameters(paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    @Option(names = "--human", description = "Write sizes in KiB, MiB and so on: 1 KiB is 1,024 bytes.")
    private boolean human;

    @Override
    String target() {
        return target;
    }

    @Override
    boolean needsHeap() {
        return false;
    }

    @Override
    boolean human() {
        return human;
    }

    @Override
    Optional<HeapCommand.Scope> located() {
        return Optional.of(HeapCommand.Scope.ALL);
    }

    @Override
    Report read(Target opened, Problems problems, Progress progress) {
        return looks(opened).at(opened, problems, seen -> look(opened, seen, progress));
    }

    private Report look(Target opened, Problems problems, Progress progress) {
        // Before anything is read, since a read may change it.
        Optional<Residency> residency = opened.memory().residency();
        Heaps heaps = heaps(opened);
        OwnedMemory owned = MemoryOwners.find(heaps, residency.orElse(Residency.NONE), Optional.empty(), progress::at);
        List<Holding> holdings = owned.holdings();
        List<Report> answers = new ArrayList<>();
        answers.add(format() == Format.TABLE ? new MemoryTree(holdings) : new Owners(holdings));
        opened.memory().counts().ifPresent(counts -> answers.add(new Beside(counts)));
        if (heaps.isEmpty()) {
            problems.notices(List.of("%s has no heap of a known kind".formatted(opened.description())));
        } else {
            problems.notices(heaps.notices());
        }
        if (residency.isPresent()) {
            Map<String, List<Reclaimable>> reclaimable = new LinkedHashMap<>();
            for (Heap heap : heaps.isEmpty() ? List.<Heap>of() : heaps.list()) {
                List<Reclaimable> parts = heap.reclaimable(residency.get());
                if (!parts.isEmpty()) {
                    reclaimable.put(heap.name(), parts);
                    answers.add(new Trims(heap.firstRegion(), parts));
                }
            }
            List<MemoryFindings.Finding> findings = MemoryFindings.of(holdings, reclaimable);
            if (!findings.isEmpty()) {
                answers.add(new Findings(findings, format() == Format.TABLE));
            }
        }
        if (residency.isEmpty()) {
            problems.notices(List.of("what is in memory is not known of " + opened.description()));
        }
        return new Reports(answers);
    }

    private record Owners(List<Holding> holdings) implements Report {
        private static final List<Column> COLUMNS = List.of(
                Column.text("Owner", "owner"),
                Column.text("Name", "name"),
                Column.text("Part", "part"),
                Column.bytes("In memory", "resident_bytes"),
                Column.bytes("Own", "own_bytes"),
                Column.bytes("Shared", "shared_bytes"),
                Column.bytes("Swapped", "swapped_bytes"),
                Column.bytes("Mapped", "mapped_bytes"));

        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public void rows(RowSink sink) {
            for (Holding holding : holdings) {
                Owner owner = holding.owner();
                sink.text(owner.kind().label());
                sink.text(owner.name());
                sink.text(owner.part().label());
                numbers(sink, of -> of.applyAsLong(holding));
                sink.end();
            }
        }

        @Override
        public void total(RowSink sink) {
            sink.text("");
            sink.text("");
            numbers(sink, of -> holdings.stream().mapToLong(of).sum());
        }

        private static void numbers(RowSink sink, ToLongFunction<ToLongFunction<Holding>> amount) {
            sink.number(amount.applyAsLong(Holding::resident));
            sink.number(amount.applyAsLong(Holding::own));
            sink.number(amount.applyAsLong(Holding::shared));
            sink.number(amount.applyAsLong(Holding::swapped));
            sink.number(amount.applyAsLong(Holding::mapped));
        }
    }

    /** What the kernel counts that no mapping shows, and its own count of what is in memory. */
    private record Beside(MemoryCounts counts) implements Report {
        private static final List<Column> COLUMNS =
                List.of(Column.text("Beside that", "count"), Column.bytes("Size", "bytes"));

        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public boolean totalled() {
            return false;
        }

        @Override
        public void rows(RowSink sink) {
            row(sink, "page tables", counts.pageTables());
            row(sink, "pages of hugetlbfs", counts.hugePages());
            row(sink, "VmRSS, as the kernel counts it", counts.resident());
        }

        private static void row(RowSink sink, String what, long bytes) {
            sink.text(what);
            sink.number(bytes);
            sink.end();
        }

        @Override
        public void total(RowSink sink) {
            throw new IllegalStateException("these are no parts of a whole");
        }
    }

    private record Findings(List<MemoryFindings.Finding> findings, boolean forPeople) implements Report {
        private static final Column TEXT = Column.text("What this means", "text");

        @Override
        public List<Column> columns() {
            return forPeople
                    ? List.of(TEXT)
                    : List.of(
                            Column.text("Finding", "finding"),
                            Column.size("Size", "bytes"),
                            Column.amount("Percent", "percent"),
                            TEXT);
        }

        @Override
        public boolean totalled() {
            return false;
        }

        @Override
        public boolean fits() {
            return false;
        }

        @Override
        public void rows(RowSink sink) {
            for (MemoryFindings.Finding finding : findings) {
                if (!forPeople) {
                    sink.text(finding.name());
                    sink.number(finding.bytes());
                    sink.number(finding.percent());
                }
                sink.text(finding.text());
                sink.end();
            }
        }

        @Override
        public void total(RowSink sink) {
            throw new IllegalStateException("sentences have no total");
        }
    }

    private record Trims(int first, List<Reclaimable> parts) implements Report {
        private static final List<Column> COLUMNS = List.of(
                Column.id("Arena", "arena"),
                Column.bytes("Given back by a trim", "trim_bytes"),
                Column.bytes("Of this shared", "shared_bytes"),
                Column.bytes("In huge pages", "huge_bytes"),
                Column.bytes("Of swap", "swapped_bytes"),
                Column.bytes("Kept in top", "top_bytes"));

        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public void rows(RowSink sink) {
            for (Reclaimable part : parts) {
                sink.number(first + part.region());
                numbers(sink, of -> of.applyAsLong(part));
                sink.end();
            }
        }

        @Override
        public void total(RowSink sink) {
            numbers(sink, of -> parts.stream().mapToLong(of).sum());
        }

        private static void numbers(RowSink sink, ToLongFunction<ToLongFunction<Reclaimable>> amount) {
            sink.number(amount.applyAsLong(Reclaimable::resident));
            sink.number(amount.applyAsLong(Reclaimable::shared));
            sink.number(amount.applyAsLong(Reclaimable::huge));
            sink.number(amount.applyAsLong(Reclaimable::swapped));
            sink.number(amount.applyAsLong(Reclaimable::kept));
        }
    }
}
