// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.List;
import java.util.OptionalLong;

/**
 * A row for each size class that a thread has blocks of, and one for each thread that has none.
 *
 * @param classTitle what the allocator calls the number of a size class
 * @param caches the threads' caches
 */
public record CacheTable(String classTitle, List<Cache> caches) implements Table {
    /**
     * The cache of a thread.
     *
     * @param address target address
     * @param tid the thread's id; empty where it is not known
     * @param contents the size classes of which it has blocks
     */
    public record Cache(long address, OptionalLong tid, List<Contents> contents) {}

    /**
     * The cached blocks of a size class.
     *
     * @param sizeClass its number
     * @param size the size of a block in bytes
     * @param count how many blocks
     */
    public record Contents(int sizeClass, long size, int count) {}

    @Override
    public List<Column> columns() {
        return List.of(
                Column.address("Cache", "address"),
                Column.id("Thread", "tid"),
                Column.id(classTitle, "index"),
                Column.size("Chunk size", "chunk_size"),
                Column.sum("Chunks", "chunks"),
                Column.bytes("Bytes", "bytes"));
    }

    @Override
    public void rows(RowSink sink) {
        for (Cache cache : caches) {
            for (Contents contents : cache.contents) {
                begin(cache, sink);
                sink.number(contents.sizeClass);
                sink.number(contents.size);
                sink.number(contents.count);
                sink.number(contents.count * contents.size);
                sink.end();
            }
            if (cache.contents.isEmpty()) {
                begin(cache, sink);
                sink.none();
                sink.none();
                sink.number(0);
                sink.number(0);
                sink.end();
            }
        }
    }

    private static void begin(Cache cache, RowSink sink) {
        sink.address(cache.address);
        if (cache.tid.isPresent()) {
            sink.number(cache.tid.getAsLong());
        } else {
            sink.none();
        }
    }
}
