// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.heap.usage.UsageTotals;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code heapwalk summary}: what the used chunks are used for. */
@Command(
        name = "summary",
        description = "Count the used chunks by what they are used for. What takes most memory comes first.")
final class Summary extends HeapCommand {
    @Mixin
    private BlockFilter filter;

    @Override
    List<Column> sortable() {
        return Answer.COLUMNS;
    }

    @Override
    Optional<String> largest() {
        // That is the rows' own order.
        return Optional.empty();
    }

    @Override
    void check() {
        super.check();
        filter.check(this);
    }

    @Override
    Scope scope() {
        return Scope.ALL;
    }

    @Override
    Report read(Heaps heaps, Problems problems, Progress progress) {
        UsageTotals totals = new UsageTotals();
        List<UsageCursor> walks = filter.parts(heaps, this)
                .map(parts -> parts.stream()
                        .map(part -> categorizers.over(heaps, part))
                        .toList())
                .orElseGet(() -> List.of(categorizers.over(heaps)));
        walks.forEach(usage -> count(usage, totals, problems, progress));
        return new Answer(totals);
    }

    private void count(UsageCursor usage, UsageTotals totals, Problems problems, Progress progress) {
        watch(usage, progress);
        walk(usage, progress, one -> {
            if (filter.takes(one)) {
                totals.add(one);
            }
        });
        damage(usage, problems);
    }

    private static final class Answer implements Report {
        static final List<Column> COLUMNS = List.of(
                Column.text("Domain", "domain"),
                Column.text("Kind", "kind"),
                Column.text("Detail", "detail"),
                Column.amount("Count", "count"),
                Column.bytes("Allocated size", "bytes"));

        private final UsageTotals counted;
        private List<UsageTotals.Total> totals = List.of();

        Answer(UsageTotals counted) {
            this.counted = counted;
        }

        /** In the order of the rows, which is made when they are printed: by then the process runs on. */
        private List<UsageTotals.Total> totals() {
            if (totals.isEmpty()) {
                totals = counted.list();
            }
            return totals;
        }

        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public Optional<String> shared() {
            return Optional.of("bytes");
        }

        @Override
        public List<String> dispensable() {
            // Kind and detail say together what a row is about.
            return List.of("cumulative", "share", "domain", "count");
        }

        @Override
        public void rows(RowSink sink) {
            for (UsageTotals.Total total : totals()) {
                Category category = total.category();
                sink.text(category.domain().label());
                sink.text(category.kind());
                sink.text(category.detail());
                sink.number(total.count());
                sink.number(total.bytes());
                sink.end();
            }
        }

        @Override
        public void total(RowSink sink) {
            sink.text("");
            sink.text("");
            sink.number(totals().stream().mapToLong(UsageTotals.Total::count).sum());
            sink.number(totals().stream().mapToLong(UsageTotals.Total::bytes).sum());
        }
    }
}
