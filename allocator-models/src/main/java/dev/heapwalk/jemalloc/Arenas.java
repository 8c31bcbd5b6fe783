// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.SortedMap;

/** What the arenas have, by the extents that name them. */
final class Arenas {
    private static final List<Column> ARENAS = List.of(
            Column.id("Arena", "arena"),
            Column.address("Address", "address"),
            Column.sum("Threads", "threads"),
            Column.amount("Bins", "bins"),
            Column.sum("Slabs", "slabs"),
            Column.bytes("System bytes", "system_bytes"));

    private static final List<Column> BINS = List.of(
            Column.id("Arena", "arena"),
            Column.id("Index", "index"),
            Column.size("Region size", "region_size"),
            Column.sum("Slabs", "slabs"),
            Column.sum("Chunks", "chunks"),
            Column.bytes("Bytes", "bytes"));

    /**
     * The structure of an arena.
     *
     * @param address target address
     * @param threads how many threads allocate from it
     */
    record Arena(long address, int threads) {}

    private final HeapMap map;
    private final int firstRegion;
    private final SortedMap<Integer, Arena> structures;
    private final int count;
    private final long[] slabs;
    /** Without pages that were given back. */
    private final long[] system;

    private final long[] bytes;
    /** Those that have slabs. */
    private final BitSet[] bins;

    Arenas(HeapMap map, int firstRegion, SortedMap<Integer, Arena> structures) {
        this.map = map;
        this.structures = structures;
        this.firstRegion = firstRegion;
        ExtentTable table = map.table();
        int most = structures.isEmpty() ? -1 : structures.lastKey();
        for (int i = 0; i < table.count(); i++) {
            most = Math.max(most, table.arenas[i]);
        }
        count = most + 1;
        slabs = new long[count];
        system = new long[count];
        bytes = new long[count];
        bins = new BitSet[count];
        Arrays.setAll(bins, _ -> new BitSet());
        for (int i = 0; i < table.count(); i++) {
            int arena = table.arenas[i];
            if (arena >= 0) {
                if (table.kinds[i] == ExtentTable.Kind.SLAB) {
                    slabs[arena]++;
                    bins[arena].set(table.classes[i]);
                }
                system[arena] += table.kinds[i] == ExtentTable.Kind.RETAINED ? 0 : table.sizes[i];
                bytes[arena] += table.sizes[i];
            }
        }
    }

    int count() {
        return count;
    }

    /** All that its extents have. */
    long bytes(int arena) {
        return bytes[arena];
    }

    Table table() {
        return new Rows(ARENAS) {
            @Override
            public void rows(RowSink sink) {
                for (int arena = 0; arena < count; arena++) {
                    sink.number(firstRegion + arena);
                    Arena structure = structures.get(arena);
                    if (structure != null) {
                        sink.address(structure.address);
                        sink.number(structure.threads);
                    } else {
                        sink.none();
                        sink.none();
                    }
                    sink.number(bins[arena].cardinality());
                    sink.number(slabs[arena]);
                    sink.number(system[arena]);
                    sink.end();
                }
            }
        };
    }

    Table bins() {
        return new Rows(BINS) {
            @Override
            public void rows(RowSink sink) {
                binRows(sink);
            }
        };
    }

    private void binRows(RowSink sink) {
        int bins = map.classes().bins();
        long[] slabsOf = new long[count * bins];
        long[] freeOf = new long[count * bins];
        ExtentTable table = map.table();
        for (int i = 0; i < table.count(); i++) {
            if (table.kinds[i] == ExtentTable.Kind.SLAB) {
                int row = table.arenas[i] * bins + table.classes[i];
                slabsOf[row]++;
                freeOf[row] += table.nfree[i];
            }
        }
        for (int row = 0; row < slabsOf.length; row++) {
            if (freeOf[row] > 0) {
                long size = map.classes().size(row % bins);
                sink.number(firstRegion + row / bins);
                sink.number(row % bins);
                sink.number(size);
                sink.number(slabsOf[row]);
                sink.number(freeOf[row]);
                sink.number(freeOf[row] * size);
                sink.end();
            }
        }
    }

    private abstract static class Rows implements Table {
        private final List<Column> columns;

        Rows(List<Column> columns) {
            this.columns = columns;
        }

        @Override
        public final List<Column> columns() {
            return columns;
        }
    }
}
