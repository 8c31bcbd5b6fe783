// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import java.util.List;

/** Passes rows on, with amounts of bytes as text with a unit. */
final class HumanRows extends PassedRows {
    private final List<Column> columns;

    HumanRows(List<Column> columns, RowSink sink) {
        super(sink);
        this.columns = columns;
    }

    @Override
    public void number(long value) {
        if (columns.get(cell).kind().bytes()) {
            text(Bytes.text(value));
        } else {
            super.number(value);
        }
    }
}
