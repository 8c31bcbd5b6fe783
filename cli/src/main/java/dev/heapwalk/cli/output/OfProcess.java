// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A report whose rows say which process they are about.
 *
 * @param report what is reported
 * @param pid the process
 */
public record OfProcess(Report report, long pid) implements Report {
    private static final Column PID = Column.id("Pid", "pid");

    @Override
    public List<Column> columns() {
        List<Column> columns = new ArrayList<>(report.columns());
        columns.addFirst(PID);
        return columns;
    }

    @Override
    public void rows(RowSink sink) {
        report.rows(new Cells(row -> {
            sink.number(pid);
            Cells.give(row, report.columns(), sink);
            sink.end();
        }));
    }

    @Override
    public void total(RowSink sink) {
        throw new IllegalStateException("JSON and CSV have no totals");
    }

    @Override
    public List<Report> answers() {
        return report.answers().stream()
                .map(one -> (Report) new OfProcess(one, pid))
                .toList();
    }

    @Override
    public Optional<String> shared() {
        return report.shared();
    }

    @Override
    public void close() {
        report.close();
    }
}
