// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;

/**
 * A report in another order or without its last rows, and with shares where it says of what. Its total is that of all
 * rows. It holds no more rows than it shows.
 */
public final class Arranged implements Report {
    private static final int WHOLE = 1_000;

    private final Report report;
    private final Optional<Order> order;
    private final long most;
    /** The cell that shares are made of, -1 for none. */
    private final int shared;

    private final long whole;

    /**
     * Arranges a report.
     *
     * @param report what is arranged
     * @param order the order of its rows; empty for its own
     * @param most how many rows are shown
     */
    public Arranged(Report report, Optional<Order> order, long most) {
        this.report = report;
        this.order = order;
        this.most = most;
        this.shared = report.shared()
                .map(field -> Order.cell(report.columns(), field))
                .orElse(-1);
        this.whole = shared < 0 ? 0 : sum();
    }

    private long sum() {
        long[] sum = {0};
        report.rows(new Cells(row -> sum[0] += (Long) row[shared]));
        return sum[0];
    }

    @Override
    public List<Column> columns() {
        if (shared < 0) {
            return report.columns();
        }
        List<Column> columns = new ArrayList<>(report.columns());
        columns.add(Column.share("Share", "share"));
        columns.add(Column.share("Cumulative", "cumulative"));
        return columns;
    }

    @Override
    public void rows(RowSink sink) {
        if (order.isEmpty() && most == Long.MAX_VALUE && shared < 0) {
            report.rows(sink);
            return;
        }
        List<Column> columns = report.columns();
        long[] until = {0};
        for (Object[] row : chosen()) {
            Cells.give(row, columns, sink);
            if (shared >= 0) {
                long part = (Long) row[shared];
                until[0] += part;
                share(part, sink);
                share(until[0], sink);
            }
            sink.end();
        }
    }

    private void share(long part, RowSink sink) {
        if (whole == 0) {
            sink.none();
        } else {
            sink.number(Math.round((double) part * WHOLE / whole));
        }
    }

    /** The rows that are shown, in their order. */
    private List<Object[]> chosen() {
        List<Object[]> rows = new ArrayList<>();
        if (order.isEmpty()) {
            report.rows(new Cells(row -> {
                if (rows.size() < most) {
                    rows.add(row);
                }
            }));
            return rows;
        }
        int cell = Order.cell(report.columns(), order.get().field());
        Comparator<Object[]> by =
                Cells.order(cell, report.columns().get(cell).kind(), order.get().descending());
        if (most == Long.MAX_VALUE) {
            report.rows(new Cells(rows::add));
            rows.sort(by);
            return rows;
        }
        // Of rows that are alike the first ones are kept.
        record Numbered(Object[] row, long number) {}
        Comparator<Numbered> exact = Comparator.comparing(Numbered::row, by).thenComparingLong(Numbered::number);
        PriorityQueue<Numbered> first = new PriorityQueue<>(exact.reversed());
        long[] number = {0};
        report.rows(new Cells(row -> {
            first.add(new Numbered(row, number[0]++));
            if (first.size() > most) {
                first.poll();
            }
        }));
        first.stream().sorted(exact).forEach(one -> rows.add(one.row));
        return rows;
    }

    @Override
    public boolean totalled() {
        return report.totalled();
    }

    @Override
    public void total(RowSink sink) {
        report.total(sink);
        if (shared >= 0) {
            share(whole, sink);
            sink.text("");
        }
    }

    @Override
    public List<String> dispensable() {
        return report.dispensable();
    }

    @Override
    public boolean fits() {
        return report.fits();
    }

    @Override
    public void close() {
        report.close();
    }
}
