// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The regions of a heap with what their blocks come to, by the heap's own names. Lists come last. */
final class RegionTable implements Table {
    private final Table regions;
    private final List<String> names;
    private final long[][] counts;
    private final long[][] bytes;

    private RegionTable(Heap heap) {
        regions = heap.regions();
        names = heap.names();
        int rows = count(regions);
        counts = new long[rows][names.size()];
        bytes = new long[rows][names.size()];
    }

    /** Walks all blocks of a heap. */
    static RegionTable of(Heap heap, Problems problems, Progress progress) {
        RegionTable table = new RegionTable(heap);
        BlockCursor block = heap.blocks();
        int walked = 0;
        while (block.next()) {
            int region = block.region();
            if (region >= 0) {
                int name = block.nameIndex();
                table.counts[region][name]++;
                table.bytes[region][name] += block.size();
            }
            if ((++walked & 0xffff) == 0) {
                progress.at(block.walkedBytes(), block.totalBytes());
            }
        }
        problems.add(heap, block.damage());
        return table;
    }

    /** How many rows a table has. */
    static int count(Table table) {
        Rows rows = new Rows();
        table.rows(rows);
        return rows.done;
    }

    @Override
    public List<Column> columns() {
        List<Column> columns = new ArrayList<>(
                regions.columns().stream().filter(RegionTable::isPlain).toList());
        for (String each : names) {
            String name = each.toLowerCase(Locale.ROOT);
            String title = each.charAt(0) + name.substring(1);
            columns.add(Column.sum(title + " chunks", name + "_chunks"));
            columns.add(Column.sum(title + " bytes", name + "_bytes"));
        }
        regions.columns().stream().filter(column -> !isPlain(column)).forEach(columns::add);
        return columns;
    }

    private static boolean isPlain(Column column) {
        return column.kind() != Column.Kind.IDS;
    }

    @Override
    public void rows(RowSink sink) {
        regions.rows(new Rows() {
            private final List<List<Long>> lists = new ArrayList<>();

            @Override
            public void text(String value) {
                sink.text(value);
            }

            @Override
            public void number(long value) {
                sink.number(value);
            }

            @Override
            public void address(long value) {
                sink.address(value);
            }

            @Override
            public void flag(boolean value) {
                sink.flag(value);
            }

            @Override
            public void numbers(List<Long> values) {
                lists.add(values);
            }

            @Override
            public void none() {
                sink.none();
            }

            @Override
            public void end() {
                for (int name = 0; name < names.size(); name++) {
                    sink.number(counts[done][name]);
                    sink.number(bytes[done][name]);
                }
                lists.forEach(sink::numbers);
                lists.clear();
                sink.end();
                super.end();
            }
        });
    }

    /** Counts rows, and does nothing with their cells. */
    private static class Rows implements RowSink {
        int done;

        @Override
        public void text(String value) {}

        @Override
        public void number(long value) {}

        @Override
        public void address(long value) {}

        @Override
        public void flag(boolean value) {}

        @Override
        public void numbers(List<Long> values) {}

        @Override
        public void none() {}

        @Override
        public void end() {
            done++;
        }
    }
}
