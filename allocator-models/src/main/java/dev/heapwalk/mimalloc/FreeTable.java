// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A row for each size of which a heap has free blocks in its pages, but for those that other threads freed. */
record FreeTable(Map<Key, Free> rows, int firstRegion) implements Table {
    private static final List<Column> COLUMNS = List.of(
            Column.id("Heap", "arena"),
            Column.size("Block size", "block_size"),
            Column.sum("Pages", "pages"),
            Column.sum("Chunks", "chunks"),
            Column.bytes("Bytes", "bytes"));

    /** Which list it is. */
    record Key(int heap, long size) {}

    /** What is in it. */
    record Free(long pages, long blocks) {
        Free and(Free more) {
            return new Free(pages + more.pages, blocks + more.blocks);
        }
    }

    static FreeTable of(PageTable table, int firstRegion) {
        Map<Key, Free> rows = new TreeMap<>(Comparator.comparingInt(Key::heap).thenComparingLong(Key::size));
        for (int i = 0; i < table.count(); i++) {
            if (table.kinds[i] == PageTable.Kind.PAGE && table.free[i] > 0) {
                rows.merge(new Key(table.heaps[i], table.sizes[i]), new Free(1, table.free[i]), Free::and);
            }
        }
        return new FreeTable(rows, firstRegion);
    }

    @Override
    public List<Column> columns() {
        return COLUMNS;
    }

    @Override
    public void rows(RowSink sink) {
        rows.forEach((key, free) -> {
            sink.number((long) firstRegion + key.heap());
            sink.number(key.size());
            sink.number(free.pages());
            sink.number(free.blocks());
            sink.number(free.blocks() * key.size());
            sink.end();
        });
    }
}
