// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.FreeTable;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.SortedMap;

/** What the arenas have, by the extents that name them. */
final class Arenas implements Table {
    private static final List<Column> ARENAS = List.of(
            Column.id("Arena", "arena"),
            Column.address("Address", "address"),
            Column.sum("Threads", "threads"),
            Column.amount("Bins", "bins"),
            Column.sum("Slabs", "slabs"),
            Column.bytes("System bytes", "system_bytes"));

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
            }
        }
    }

    int count() {
        return count;
    }

    @Override
    public List<Column> columns() {
        return ARENAS;
    }

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

    /** The bins of each arena that have a free region. */
    FreeTable bins() {
        FreeTable rows = new FreeTable(
                firstRegion,
                "Arena",
                List.of(Column.id("Index", "index")),
                Column.size("Region size", "region_size"),
                Column.sum("Slabs", "slabs"));
        ExtentTable table = map.table();
        for (int i = 0; i < table.count(); i++) {
            if (table.kinds[i] == ExtentTable.Kind.SLAB) {
                rows.add(table.arenas[i], table.classes[i], map.classes().size(table.classes[i]), table.nfree[i]);
            }
        }
        return rows;
    }
}
