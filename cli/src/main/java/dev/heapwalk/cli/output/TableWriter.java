// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import java.util.ArrayList;
import java.util.List;

/** Writes a table while its rows are found: the first ones wait, to see how wide it must be. */
final class TableWriter implements RowWriter {
    /** How many rows wait. */
    private static final int FIRST = 1_000;

    private final Report report;
    private final List<Column> columns;
    private final Look look;
    private final Output out;
    private final List<Object[]> first = new ArrayList<>();
    private RowSink sink = new Cells(first::add);
    /** Null until the first rows are written. */
    private TableRows table;

    TableWriter(Report report, Look look, Output out) {
        this.report = report;
        this.columns = report.columns();
        this.look = look;
        this.out = out;
    }

    /** Writes a table all of whose rows are known. */
    static void write(Report report, Look look, Output out) {
        TableRows.Widths widths = new TableRows.Widths(report.columns());
        RowSink measure = look(report.columns(), look, widths);
        report.rows(measure);
        measureTotal(report, widths, measure);
        TableRows table = table(report, widths, look, out);
        RowSink sink = look(report.columns(), look, table);
        report.rows(sink);
        writeTotal(report, table, sink);
    }

    private static RowSink look(List<Column> columns, Look look, RowSink sink) {
        return look.human() ? new HumanRows(columns, sink) : sink;
    }

    private static void measureTotal(Report report, TableRows.Widths widths, RowSink measure) {
        if (report.totalled()) {
            widths.totalFollows();
            report.total(behindFirst(measure));
            measure.end();
        }
    }

    private static void writeTotal(Report report, TableRows table, RowSink sink) {
        if (report.totalled()) {
            table.totalFollows();
            report.total(behindFirst(sink));
            sink.end();
        }
    }

    /** The first cell of a total is written already. */
    private static RowSink behindFirst(RowSink sink) {
        if (sink instanceof HumanRows human) {
            human.cell = 1;
        }
        return sink;
    }

    /** Writes the head of a table. */
    private static TableRows table(Report report, TableRows.Widths widths, Look look, Output out) {
        TableLayout layout = new TableLayout(
                report.columns(), widths.found(), report.dispensable(), report.fits() ? look.width() : 0);
        TableRows table = new TableRows(report.columns(), layout, out);
        table.head();
        if (!layout.leftOut().isEmpty() && report.tellsWhatIsLeftOut()) {
            Failure.say("the terminal is %d characters wide, so these columns are left out: %s; --format csv has all"
                    .formatted(look.width(), String.join(", ", layout.leftOut())));
        }
        return table;
    }

    private void begin(boolean complete) {
        TableRows.Widths widths = new TableRows.Widths(columns);
        RowSink measure = look(columns, look, widths);
        for (Object[] row : first) {
            Cells.give(row, columns, measure);
            measure.end();
        }
        if (complete) {
            measureTotal(report, widths, measure);
        } else {
            widths.expect(report.mostBytes());
        }
        table = table(report, widths, look, out);
        sink = look(columns, look, table);
        for (Object[] row : first) {
            Cells.give(row, columns, sink);
            sink.end();
        }
        first.clear();
    }

    @Override
    public void flush() {
        if (table != null) {
            out.flush();
        }
    }

    @Override
    public void settle() {
        if (table == null) {
            begin(false);
        }
    }

    @Override
    public void finish() {
        if (table == null) {
            begin(true);
        }
        writeTotal(report, table, sink);
        out.flush();
    }

    @Override
    public void text(String value) {
        sink.text(value);
    }

    @Override
    public void number(long value) {
        sink.number(value);
    }

    @Override
    public void address(long value) {
        sink.address(value);
    }

    @Override
    public void flag(boolean value) {
        sink.flag(value);
    }

    @Override
    public void numbers(List<Long> values) {
        sink.numbers(values);
    }

    @Override
    public void none() {
        sink.none();
    }

    @Override
    public void end() {
        sink.end();
        if (first.size() == FIRST) {
            settle();
            flush();
        }
    }
}
