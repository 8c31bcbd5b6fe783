// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.List;

/** A row for each size class that a thread has blocks of, and one for each thread that has none. */
record ThreadCacheTable(List<ThreadCache> caches) implements Table {
    private static final List<Column> COLUMNS = List.of(
            Column.address("Cache", "address"),
            Column.id("Thread", "tid"),
            Column.id("Class", "index"),
            Column.size("Chunk size", "chunk_size"),
            Column.sum("Chunks", "chunks"),
            Column.bytes("Bytes", "bytes"));

    @Override
    public List<Column> columns() {
        return COLUMNS;
    }

    @Override
    public void rows(RowSink sink) {
        for (ThreadCache cache : caches) {
            for (ThreadCache.Contents list : cache.lists()) {
                begin(cache, sink);
                sink.number(list.sizeClass());
                sink.number(list.size());
                sink.number(list.count());
                sink.number(list.count() * list.size());
                sink.end();
            }
            if (cache.lists().isEmpty()) {
                begin(cache, sink);
                sink.none();
                sink.none();
                sink.number(0);
                sink.number(0);
                sink.end();
            }
        }
    }

    private static void begin(ThreadCache cache, RowSink sink) {
        sink.address(cache.address());
        if (cache.tid().isPresent()) {
            sink.number(cache.tid().getAsLong());
        } else {
            sink.none();
        }
    }
}
