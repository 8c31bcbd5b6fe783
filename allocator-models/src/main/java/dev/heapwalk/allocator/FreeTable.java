// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** A row for each size class of a region that has free blocks. */
public final class FreeTable implements Table {
    private static final int NO_CLASS = -1;

    private final int firstRegion;
    private final boolean withClasses;
    private final List<Column> columns;
    private final Map<Key, Free> rows = new TreeMap<>(Comparator.comparingInt(Key::region)
            .thenComparingInt(Key::sizeClass)
            .thenComparingLong(Key::size));

    private record Key(int region, int sizeClass, long size) {}

    private record Free(long spans, long blocks) {
        Free and(Free more) {
            return new Free(spans + more.spans, blocks + more.blocks);
        }
    }

    /**
     * Makes an empty table.
     *
     * @param firstRegion how many regions the heaps of its kind before this have
     * @param region what the allocator calls a region
     * @param sizeClass the column for the number of a size class; none where classes have no numbers
     * @param size the column for the size of a block
     * @param spans the column for how many spans there are
     */
    public FreeTable(int firstRegion, String region, List<Column> sizeClass, Column size, Column spans) {
        this.firstRegion = firstRegion;
        this.withClasses = !sizeClass.isEmpty();
        this.columns = Stream.of(
                        List.of(Column.id(region, "arena")),
                        sizeClass,
                        List.of(size, spans, Column.sum("Chunks", "chunks"), Column.bytes("Bytes", "bytes")))
                .flatMap(List::stream)
                .toList();
    }

    /**
     * Adds a span of a size class that has numbers.
     *
     * @param region the number of its region in the heap
     * @param sizeClass the number of its size class
     * @param size the size of its blocks in bytes
     * @param free how many of them are free
     */
    public void add(int region, int sizeClass, long size, long free) {
        rows.merge(new Key(region, sizeClass, size), new Free(1, free), Free::and);
    }

    /**
     * Adds a span where size classes have no numbers.
     *
     * @param region the number of its region in the heap
     * @param size the size of its blocks in bytes
     * @param free how many of them are free
     */
    public void add(int region, long size, long free) {
        add(region, NO_CLASS, size, free);
    }

    @Override
    public List<Column> columns() {
        return columns;
    }

    @Override
    public void rows(RowSink sink) {
        rows.forEach((key, free) -> {
            if (free.blocks > 0) {
                sink.number((long) firstRegion + key.region);
                if (withClasses) {
                    sink.number(key.sizeClass);
                }
                sink.number(key.size);
                sink.number(free.spans);
                sink.number(free.blocks);
                sink.number(free.blocks * key.size);
                sink.end();
            }
        });
    }
}
