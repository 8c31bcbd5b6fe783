// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.musl.layout.MallocngLayout;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A row for each size of which groups have free slots. */
record FreeTable(Map<Key, Free> rows, int firstRegion) implements Table {
    private static final List<Column> COLUMNS = List.of(
            Column.id("Context", "arena"),
            Column.id("Class", "index"),
            Column.size("Slot size", "slot_size"),
            Column.sum("Groups", "groups"),
            Column.sum("Chunks", "chunks"),
            Column.bytes("Bytes", "bytes"));

    /** Slots of a size: of a class there may be smaller ones, with mappings to themselves. */
    record Key(int sizeClass, long size) implements Comparable<Key> {
        @Override
        public int compareTo(Key other) {
            return sizeClass != other.sizeClass
                    ? Integer.compare(sizeClass, other.sizeClass)
                    : Long.compare(size, other.size);
        }
    }

    /** What is free of it. */
    record Free(long groups, long slots) {
        Free and(Free more) {
            return new Free(groups + more.groups, slots + more.slots);
        }
    }

    static FreeTable of(GroupTable table, Reader reader, int firstRegion) {
        Map<Key, Free> rows = new TreeMap<>();
        for (int i = 0; i < table.count(); i++) {
            if (table.isArea(i)) {
                continue;
            }
            long free = Integer.toUnsignedLong(reader.readInt(table.structures[i] + MallocngLayout.AVAIL_MASK, 0)
                    | reader.readInt(table.structures[i] + MallocngLayout.FREED_MASK, 0));
            int slots = Long.bitCount(free >>> table.firsts[i] & (1L << table.blocks[i]) - 1);
            if (slots > 0) {
                rows.merge(new Key(Groups.sizeClass(table.bits[i]), table.strides[i]), new Free(1, slots), Free::and);
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
            sink.number(firstRegion);
            sink.number(key.sizeClass);
            sink.number(key.size);
            sink.number(free.groups);
            sink.number(free.slots);
            sink.number(free.slots * key.size);
            sink.end();
        });
    }
}
