// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.List;

/**
 * The one page heap that there is.
 *
 * @param number its number among those of all heaps of this kind
 * @param spans how many spans it has
 * @param systemBytes all that they have
 */
record PageHeapTable(int number, long spans, long systemBytes) implements Table {
    private static final List<Column> COLUMNS = List.of(
            Column.id("Page heap", "arena"),
            Column.sum("Spans", "spans"),
            Column.bytes("System bytes", "system_bytes"));

    static PageHeapTable of(int number, SpanTable table) {
        long spans = 0;
        long bytes = 0;
        for (int i = 0; i < table.count(); i++) {
            if (table.kinds[i] != SpanTable.Kind.META) {
                spans++;
                bytes += table.sizes[i];
            }
        }
        return new PageHeapTable(number, spans, bytes);
    }

    @Override
    public List<Column> columns() {
        return COLUMNS;
    }

    @Override
    public void rows(RowSink sink) {
        sink.number(number);
        sink.number(spans);
        sink.number(systemBytes);
        sink.end();
    }
}
