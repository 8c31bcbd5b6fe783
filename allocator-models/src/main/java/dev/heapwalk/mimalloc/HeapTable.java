// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.List;
import java.util.OptionalLong;

/** A row for each heap of a thread, and one for pages whose thread ended. */
record HeapTable(Owners owners, OptionalLong[] threads, int firstRegion) implements Table {
    private static final List<Column> COLUMNS = List.of(
            Column.id("Heap", "arena"),
            Column.address("Address", "address"),
            Column.id("Thread", "tid"),
            Column.sum("Pages", "pages"),
            Column.bytes("System bytes", "system_bytes"));

    @Override
    public List<Column> columns() {
        return COLUMNS;
    }

    @Override
    public void rows(RowSink sink) {
        for (int i = 0; i < owners.count(); i++) {
            sink.number((long) firstRegion + i);
            if (owners.heap(i) == 0) {
                sink.none();
            } else {
                sink.address(owners.heap(i));
            }
            if (threads[i].isPresent()) {
                sink.number(threads[i].getAsLong());
            } else {
                sink.none();
            }
            sink.number(owners.pages(i));
            sink.number(owners.bytes(i));
            sink.end();
        }
    }
}
