// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import java.util.ArrayList;
import java.util.List;

/**
 * A table of amounts that are watched.
 *
 * @param titles of the columns that say what a row is about
 * @param rows the rows
 */
record WatchTable(List<String> titles, List<Row> rows) implements Report {

    /**
     * A row.
     *
     * @param names what it is about, a text for each title
     * @param amount how much there is of it
     */
    record Row(List<String> names, Watched.Amount amount) {}

    @Override
    public List<Column> columns() {
        List<Column> columns = new ArrayList<>();
        titles.forEach(title -> columns.add(Column.text(title, title)));
        columns.addAll(List.of(
                Column.amount("Count", "count"),
                Column.size("Bytes", "bytes"),
                Column.size("Since start", "since_start"),
                Column.size("Since last", "since_last"),
                Column.size("A minute", "per_minute"),
                Column.size("Error", "error"),
                Column.text("Trend", "trend")));
        return columns;
    }

    @Override
    public boolean totalled() {
        return false;
    }

    @Override
    public List<String> dispensable() {
        return List.of("since_last", "Domain", "count", "error", "Kind");
    }

    @Override
    public boolean tellsWhatIsLeftOut() {
        // It would stand on the screen in place of rows, at each look.
        return false;
    }

    @Override
    public void rows(RowSink sink) {
        for (Row row : rows) {
            Trend trend = row.amount().bytes();
            row.names().forEach(sink::text);
            number(row.amount().count(), sink);
            sink.number(trend.now());
            sink.number(trend.sinceStart());
            sink.number(trend.sinceLast());
            sink.number(Math.round(trend.perMinute()));
            number(Double.isFinite(trend.error()) ? Math.round(trend.error()) : -1, sink);
            sink.text(trend.direction().toString());
            sink.end();
        }
    }

    private static void number(long value, RowSink sink) {
        if (value < 0) {
            sink.none();
        } else {
            sink.number(value);
        }
    }

    @Override
    public void total(RowSink sink) {
        throw new IllegalStateException("these are no parts of a whole");
    }
}
