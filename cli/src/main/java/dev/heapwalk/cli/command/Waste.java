// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.ListReport;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.Reports;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Target;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code heapwalk waste}: equal texts, containers that are nearly empty, and blocks that are too large for their text. */
@Command(
        name = "waste",
        description = {
            "Tell what memory could be had back by changes to the program: of equal strings all but one,",
            "room of containers that no element uses, and what malloc adds to small strings."
        })
final class Waste extends HeapCommand {
    private static final List<Column> SUMS = List.of(
            Column.text("Waste", "waste"), Column.amount("Count", "count"), Column.bytes("Bytes", "wasted_bytes"));
    private static final List<Column> EQUAL = List.of(
            Column.text("Domain", "domain"),
            Column.text("Kind", "kind"),
            Column.amount("Copies", "copies"),
            Column.bytes("Wasted", "wasted_bytes"),
            Column.size("Length", "length"),
            Column.address("Example", "example"),
            Column.text("Begins with", "begin"));
    private static final List<Column> CONTAINERS = List.of(
            Column.text("Domain", "domain"),
            Column.text("Kind", "kind"),
            Column.amount("Containers", "containers"),
            Column.amount("Nearly empty", "nearly_empty"),
            Column.bytes("Room", "room_bytes"),
            Column.bytes("Unused", "wasted_bytes"));
    private static final List<Column> SMALL = List.of(
            Column.text("Domain", "domain"),
            Column.text("Kind", "kind"),
            Column.size("Chunk size", "size"),
            Column.amount("Count", "count"),
            Column.bytes("Bytes", "bytes"),
            Column.bytes("Wasted", "wasted_bytes"));

    /** So many groups of equal texts are told unless more are asked for. */
    private static final int MOST_GROUPS = 20;

    private static final int BEGIN = 40;
    /** A larger block is no small one. */
    private static final int LARGEST_SMALL = 256;
    /** What is added to a small block is told if it is more than this part of it. */
    private static final int PART = 4;

    @Mixin
    private Redaction redaction;

    @Override
    List<Column> sortable() {
        return List.of();
    }

    @Override
    Optional<String> largest() {
        return Optional.of("wasted_bytes");
    }

    @Override
    Scope scope() {
        return Scope.ALL;
    }

    private record Small(Category use, long size) {}

    private static final class Sum {
        private long count;
        private long wasted;
    }

    private record Row(Small of, Sum sum) {}

    private record Total(String waste, long count, long bytes) {}

    private record Equal(Duplicates.Group group, String begin) {}

    @Override
    Report read(Heaps heaps, Problems problems, Progress progress) {
        Map<Small, Sum> small = new HashMap<>();
        try (UsageCursor usage = categorizers.over(heaps);
                BlockText text = new BlockText(heaps);
                ContainerFill fill = new ContainerFill(heaps);
                Duplicates equal = new Duplicates(heaps.target())) {
            watch(usage, progress);
            walk(usage, progress, one -> {
                if (one.state() != BlockState.USED) {
                    return;
                }
                Category use = one.category();
                fill.add(one, use);
                if (text.find(one, use)) {
                    equal.add(text, use);
                    if (BlockText.isC(use)) {
                        addSmall(small, use, one.size(), text.length() + 1);
                    }
                }
            });
            damage(usage, problems);
            if (equal.leftOut() > 0) {
                problems.notices(
                        List.of("%,d texts came when there were too many different ones, so they were not compared"
                                .formatted(equal.leftOut())));
            }
            return answer(equal, fill, small, heaps.target());
        }
    }

    private static void addSmall(Map<Small, Sum> small, Category use, long size, long needed) {
        if (size <= LARGEST_SMALL && (size - needed) * PART > size) {
            Sum sum = small.computeIfAbsent(new Small(use, size), _ -> new Sum());
            sum.count++;
            sum.wasted += size - needed;
        }
    }

    private Report answer(Duplicates equal, ContainerFill fill, Map<Small, Sum> small, Target target) {
        List<Duplicates.Group> groups = equal.list();
        List<ContainerFill.Sum> containers = fill.list();
        List<Row> blocks = small.entrySet().stream()
                .map(entry -> new Row(entry.getKey(), entry.getValue()))
                .sorted(Comparator.comparingLong((Row row) -> row.sum.wasted).reversed())
                .toList();
        List<Total> totals = List.of(
                new Total(
                        "copies of texts that are there already",
                        groups.stream().mapToLong(group -> group.copies() - 1).sum(),
                        groups.stream().mapToLong(Duplicates.Group::wasted).sum()),
                new Total(
                        "room of containers without an element",
                        containers.stream().mapToLong(ContainerFill.Sum::count).sum(),
                        containers.stream().mapToLong(ContainerFill.Sum::unused).sum()),
                new Total(
                        "heads and rounding of small strings",
                        blocks.stream().mapToLong(row -> row.sum.count).sum(),
                        blocks.stream().mapToLong(row -> row.sum.wasted).sum()));
        List<Equal> told = groups.stream()
                .limit(most() == Long.MAX_VALUE ? MOST_GROUPS : most())
                .map(group -> new Equal(group, begin(group, target)))
                .toList();
        return new Reports(List.of(
                new ListReport<>(SUMS, List.of(), false, totals, (total, sink) -> {
                    sink.text(total.waste);
                    sink.number(total.count);
                    sink.number(total.bytes);
                }),
                new ListReport<>(EQUAL, List.of("domain"), false, told, Waste::give),
                new ListReport<>(CONTAINERS, List.of("domain"), false, containers, (sum, sink) -> {
                    sink.text(sum.use().domain().label());
                    sink.text(kind(sum.use()));
                    sink.number(sum.count());
                    sink.number(sum.nearlyEmpty());
                    sink.number(sum.room());
                    sink.number(sum.unused());
                }),
                new ListReport<>(SMALL, List.of("domain"), false, blocks, (row, sink) -> {
                    sink.text(row.of.use.domain().label());
                    sink.text(kind(row.of.use));
                    sink.number(row.of.size);
                    sink.number(row.sum.count);
                    sink.number(row.of.size * row.sum.count);
                    sink.number(row.sum.wasted);
                })));
    }

    private static String kind(Category use) {
        return (use.kind() + " " + use.detail()).strip();
    }

    private static void give(Equal equal, RowSink sink) {
        sink.text(equal.group.use().domain().label());
        sink.text(kind(equal.group.use()));
        sink.number(equal.group.copies());
        sink.number(equal.group.wasted());
        sink.number(equal.group.length());
        sink.address(equal.group.address());
        sink.text(equal.begin);
    }

    /** The first bytes of a text, as characters; none if no data is to be shown. */
    private String begin(Duplicates.Group group, Target target) {
        if (redaction.told().redacts()) {
            return "";
        }
        return HexLine.charactersAt(target.memory(), group.address(), (int) Math.min(group.length(), BEGIN));
    }
}
