// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.List;

/**
 * A table whose columns of sums are added up in the end.
 *
 * @param table its rows
 * @param dispensable fields that a narrow terminal does without, those that are missed least first
 */
public record TableReport(Table table, List<String> dispensable) implements Report {

    @Override
    public List<Column> columns() {
        return table.columns();
    }

    @Override
    public void rows(RowSink sink) {
        table.rows(sink);
    }

    @Override
    public void total(RowSink sink) {
        Sums sums = new Sums(columns().size());
        table.rows(sums);
        for (int i = 1; i < columns().size(); i++) {
            if (columns().get(i).kind().summed()) {
                sink.number(sums.sums[i]);
            } else {
                sink.text("");
            }
        }
    }

    /** Adds the numbers of each column. */
    private static final class Sums implements RowSink {
        private final long[] sums;
        private int cell;

        Sums(int columns) {
            sums = new long[columns];
        }

        @Override
        public void text(String value) {
            cell++;
        }

        @Override
        public void number(long value) {
            sums[cell++] += value;
        }

        @Override
        public void address(long value) {
            cell++;
        }

        @Override
        public void flag(boolean value) {
            cell++;
        }

        @Override
        public void numbers(List<Long> values) {
            cell++;
        }

        @Override
        public void none() {
            cell++;
        }

        @Override
        public void end() {
            cell = 0;
        }
    }
}
