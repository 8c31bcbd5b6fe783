// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.history.Difference;
import dev.heapwalk.cli.history.Difference.Change;
import dev.heapwalk.cli.history.Difference.Tally;
import dev.heapwalk.cli.history.Snapshot;
import dev.heapwalk.cli.output.JointReport;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.TableReport;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.usage.Category;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** How two snapshots differ, in tables: all changes, by category, by size, and each block. */
final class DiffReport implements JointReport {
    private static final List<Column> CHANGES = List.of(
            Column.text("Change", "change"),
            Column.sum("Blocks", "blocks"),
            Column.bytes("Bytes before", "before_bytes"),
            Column.bytes("Bytes after", "after_bytes"),
            Column.bytes("Difference", "difference_bytes"));

    private static final List<Column> CATEGORIES = List.of(
            Column.text("Domain", "domain"),
            Column.text("Kind", "kind"),
            Column.text("Detail", "detail"),
            Column.sum("New", "new_blocks"),
            Column.bytes("New bytes", "new_bytes"),
            Column.sum("Freed", "freed_blocks"),
            Column.bytes("Freed bytes", "freed_bytes"),
            Column.bytes("Difference", "difference_bytes"));

    private static final List<Column> SIZES = List.of(
            Column.size("Chunk size", "size"),
            Column.sum("New", "new_blocks"),
            Column.sum("Freed", "freed_blocks"),
            Column.bytes("Difference", "difference_bytes"));

    private static final List<Column> BLOCKS = List.of(
            Column.text("Change", "change"),
            Column.address("Address", "address"),
            Column.size("Size before", "before_size"),
            Column.size("Size after", "after_size"),
            Column.text("Domain", "domain"),
            Column.text("Kind", "kind"),
            Column.text("Detail", "detail"),
            Column.text("Was", "was"));

    private static final List<String> DISPENSABLE =
            List.of("was", "freed_bytes", "new_bytes", "before_bytes", "domain", "kind");

    private final Snapshot before;
    private final Snapshot after;
    private final List<Report> answers = new ArrayList<>();

    /**
     * Compares.
     *
     * @param before the earlier state; closed with this
     * @param after the later one; closed with this
     * @param each whether each block is told
     */
    DiffReport(Snapshot before, Snapshot after, boolean each) {
        this.before = before;
        this.after = after;
        Difference difference = new Difference(before, after);
        answers.add(new Rows(CHANGES, sink -> changes(difference, sink)));
        answers.add(new Rows(CATEGORIES, sink -> categories(difference, sink)));
        answers.add(new Rows(SIZES, sink -> sizes(difference, sink)));
        if (each) {
            answers.add(new Rows(BLOCKS, sink -> difference.blocks((change, was, is) -> block(change, was, is, sink))));
        }
    }

    /** The columns of all tables. */
    static List<Column> columnsOfAll() {
        return Stream.of(CHANGES, CATEGORIES, SIZES, BLOCKS)
                .flatMap(List::stream)
                .distinct()
                .toList();
    }

    /** Gives all rows. */
    private interface Give {
        void rows(RowSink sink);
    }

    private static final class Rows implements Report {
        private final List<Column> columns;
        private final Give give;

        Rows(List<Column> columns, Give give) {
            this.columns = columns;
            this.give = give;
        }

        @Override
        public List<Column> columns() {
            return columns;
        }

        @Override
        public void rows(RowSink sink) {
            give.rows(sink);
        }

        @Override
        public boolean totalled() {
            return columns != BLOCKS;
        }

        @Override
        public void total(RowSink sink) {
            new TableReport(this, DISPENSABLE).total(sink);
        }

        @Override
        public List<String> dispensable() {
            return DISPENSABLE;
        }
    }

    private static void changes(Difference difference, RowSink sink) {
        for (Change change : Change.values()) {
            Tally tally = difference.changes(change);
            sink.text(change.toString());
            sink.number(Math.max(tally.newCount(), tally.freedCount()));
            sink.number(tally.freedBytes());
            sink.number(tally.newBytes());
            sink.number(tally.grown());
            sink.end();
        }
    }

    private static void categories(Difference difference, RowSink sink) {
        for (Difference.Part<Category> part : difference.byCategory()) {
            BlockRows.use(part.key(), sink);
            sink.number(part.tally().newCount());
            sink.number(part.tally().newBytes());
            sink.number(part.tally().freedCount());
            sink.number(part.tally().freedBytes());
            sink.number(part.tally().grown());
            sink.end();
        }
    }

    private static void sizes(Difference difference, RowSink sink) {
        for (Difference.Part<Long> part : difference.bySize()) {
            sink.number(part.key());
            sink.number(part.tally().newCount());
            sink.number(part.tally().freedCount());
            sink.number(part.tally().grown());
            sink.end();
        }
    }

    private static void block(Change change, Snapshot.Blocks was, Snapshot.Blocks is, RowSink sink) {
        if (change == Change.SAME) {
            return;
        }
        Snapshot.Blocks there = change == Change.FREED ? was : is;
        sink.text(change.toString());
        sink.address(there.address());
        if (change == Change.NEW) {
            sink.none();
        } else {
            sink.number(was.size());
        }
        if (change == Change.FREED) {
            sink.none();
        } else {
            sink.number(is.size());
        }
        BlockRows.use(there.category(), sink);
        if (change == Change.NEW || change == Change.FREED || was.category().equals(is.category())) {
            sink.none();
        } else {
            sink.text(was.category().toString());
        }
        sink.end();
    }

    @Override
    public List<Report> answers() {
        return answers;
    }

    @Override
    public void close() {
        before.close();
        after.close();
    }
}
