// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.List;
import java.util.function.LongPredicate;

/**
 * The rows of a table whose number in one field is a wanted one.
 *
 * @param table has more rows
 * @param field the column with the number
 * @param wanted which numbers are
 * @param none whether a row without a number is wanted too
 */
public record SomeRows(Table table, String field, LongPredicate wanted, boolean none) implements Table {
    @Override
    public List<Column> columns() {
        return table.columns();
    }

    @Override
    public void rows(RowSink sink) {
        int cell = Order.cell(columns(), field);
        table.rows(new Cells(row -> {
            if (cell < 0 || (row[cell] == null ? none : wanted.test((Long) row[cell]))) {
                Cells.give(row, columns(), sink);
                sink.end();
            }
        }));
    }
}
