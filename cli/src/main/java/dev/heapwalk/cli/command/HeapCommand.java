// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.Reports;
import dev.heapwalk.cli.output.TableReport;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.Table;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Target;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import picocli.CommandLine.Parameters;

/** A command about heaps that needs no more than a target. */
abstract class HeapCommand extends RowsCommand {
    @Parameters(paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    /** Which heaps an answer is about. */
    enum Scope {
        /** Those that serve malloc: no runtime is looked for. */
        ALLOCATORS,
        /** All, so that what lies in a runtime's pages is told by its own blocks. */
        ALL;

        /** These of all heaps. */
        Heaps of(Heaps all) {
            return this == ALL ? all : all.allocators();
        }
    }

    /** What tells uses. */
    final Categorizers categorizers = new Categorizers();

    @Override
    final String target() {
        return target;
    }

    /** That of a table, whose heap names the columns. */
    @Override
    List<Column> sortable() {
        return List.of();
    }

    /** That of a table of free blocks. */
    @Override
    Optional<String> largest() {
        return Optional.of("bytes");
    }

    /** Which heaps the answer is about. */
    Scope scope() {
        return Scope.ALLOCATORS;
    }

    @Override
    final Optional<Scope> located() {
        return Optional.of(scope());
    }

    @Override
    final Report read(Target opened, Problems problems, Progress progress) {
        return looks(opened).at(opened, problems, seen -> look(scope().of(heaps(opened)), seen, progress));
    }

    private Report look(Heaps heaps, Problems problems, Progress progress) {
        problems.notices(heaps.notices());
        Report report = read(heaps, problems, progress);
        for (Heap heap : heaps.list()) {
            problems.add(heap, heap.damage());
            // Also where the answer would not have it: of one heap all commands say the same.
            heap.missing().forEach(problems::missing);
        }
        return report;
    }

    abstract Report read(Heaps heaps, Problems problems, Progress progress);

    /** A table of each heap that has such a table. */
    static Report tables(Heaps heaps, Problems problems, String what, Function<Heap, Table> table) {
        List<Table> tables = new ArrayList<>();
        for (Heap heap : heaps.list()) {
            Table one = table.apply(heap);
            if (!one.columns().isEmpty()) {
                tables.add(one);
            }
        }
        if (tables.isEmpty()) {
            problems.notices(
                    List.of("%s has no %s".formatted(heaps.list().getFirst().name(), what)));
        }
        return joined(tables);
    }

    /** One answer of tables with the same columns. */
    static Report joined(List<Table> tables) {
        return new Reports(JoinedTable.join(tables).stream()
                .<Report>map(one -> new TableReport(one, RegionTable.DISPENSABLE))
                .toList());
    }

    /** Walks all blocks of a heap, and reports what was damaged. */
    static void walk(Heap heap, Problems problems, Progress progress) {
        try (BlockCursor block = heap.blocks()) {
            walk(block, progress, _ -> {});
            problems.add(heap, block.damage());
        }
    }

    /** Walks to the end, and says how far it is. */
    static <C extends BlockCursor> void walk(C block, Progress progress, Consumer<C> each) {
        int walked = 0;
        while (block.next()) {
            each.accept(block);
            if ((++walked & 0xffff) == 0) {
                progress.at(block.walkedBytes(), block.totalBytes());
            }
        }
    }

    /** Says while categorizers prepare that it goes on, and ends that where it is only tried. */
    static void watch(UsageCursor usage, Progress progress) {
        usage.watch(() -> progress.at(0, usage.totalBytes()));
    }

    /** Reports what a walk over all heaps met that was damaged, and what was not looked for. */
    static void damage(UsageCursor usage, Problems problems) {
        problems.notices(usage.notices());
        usage.heaps().list().forEach(heap -> problems.add(heap, usage.damage(heap)));
        problems.walked(usage);
    }
}
