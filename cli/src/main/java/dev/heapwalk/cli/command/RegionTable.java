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
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * The regions of a heap with what their blocks come to, by the heap's own names. Lists come last. A row more is for the
 * blocks that have a mapping of their own and so lie in no region, if there are any: the sums are those of all blocks.
 */
final class RegionTable implements Table {
    /** Fields that a narrow terminal does without, those that are missed least first. */
    static final List<String> DISPENSABLE = List.of(
            "max_system_bytes",
            "address",
            "fastbin_chunks",
            "top_chunks",
            "tcache_chunks",
            "heaps",
            "kind",
            "free_chunks",
            "used_chunks",
            "fastbin_bytes",
            "threads",
            "tcache_bytes",
            "top_bytes");

    private static final int ALL = -2;
    private static final int MMAPPED = -1;

    private final Table regions;
    private final List<String> names;
    /** The only region that is shown; {@link #ALL}, or {@link #MMAPPED}. */
    private final int only;
    /** For each region, and behind them for the blocks that lie in none. */
    private final long[][] counts;

    private final long[][] bytes;

    private RegionTable(Heap heap, int only) {
        regions = heap.regions();
        names = heap.names();
        this.only = only;
        int rows = count(regions);
        counts = new long[rows + 1][names.size()];
        bytes = new long[rows + 1][names.size()];
    }

    /** Walks all blocks of a heap. */
    static RegionTable of(Heap heap, Problems problems, Progress progress) {
        return new RegionTable(heap, ALL).walk(heap, heap.blocks(), problems, progress);
    }

    /** Walks the blocks of one region. */
    static RegionTable of(ArenaPart part, Problems problems, Progress progress) {
        return new RegionTable(part.heap(), part.index()).walk(part.heap(), part.blocks(), problems, progress);
    }

    private RegionTable walk(Heap heap, BlockCursor block, Problems problems, Progress progress) {
        HeapCommand.walk(block, progress, one -> {
            int row = one.region() < 0 ? counts.length - 1 : one.region();
            int name = one.nameIndex();
            counts[row][name]++;
            bytes[row][name] += one.size();
        });
        problems.add(heap, block);
        return this;
    }

    /** The addresses of regions, in their order. */
    static List<Long> addresses(Table regions) {
        List<Long> addresses = new ArrayList<>();
        regions.rows(new Rows() {
            @Override
            public void address(long value) {
                addresses.add(value);
            }
        });
        return addresses;
    }

    /** The texts of the first region. */
    private List<String> texts() {
        List<String> texts = new ArrayList<>();
        regions.rows(new Rows() {
            @Override
            public void text(String value) {
                if (done == 0) {
                    texts.add(value);
                }
            }
        });
        return texts;
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
            columns.add(Column.bytes(title + " bytes", name + "_bytes"));
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

            private boolean shown() {
                return only == ALL || only == done;
            }

            @Override
            public void text(String value) {
                if (shown()) {
                    sink.text(value);
                }
            }

            @Override
            public void number(long value) {
                if (shown()) {
                    sink.number(value);
                }
            }

            @Override
            public void address(long value) {
                if (shown()) {
                    sink.address(value);
                }
            }

            @Override
            public void flag(boolean value) {
                if (shown()) {
                    sink.flag(value);
                }
            }

            @Override
            public void numbers(List<Long> values) {
                lists.add(values);
            }

            @Override
            public void none() {
                if (shown()) {
                    sink.none();
                }
            }

            @Override
            public void end() {
                if (shown()) {
                    sums(done, sink);
                    lists.forEach(sink::numbers);
                    sink.end();
                }
                lists.clear();
                super.end();
            }
        });
        int mmapped = counts.length - 1;
        if ((only == ALL || only == MMAPPED) && Arrays.stream(counts[mmapped]).sum() > 0) {
            mmapped(mmapped, sink);
        }
    }

    private void sums(int row, RowSink sink) {
        for (int name = 0; name < names.size(); name++) {
            sink.number(counts[row][name]);
            sink.number(bytes[row][name]);
        }
    }

    /** The row of the blocks that lie in no region. What they have from the system is themselves. */
    private void mmapped(int row, RowSink sink) {
        List<Column> columns = regions.columns();
        List<String> texts = texts();
        int text = 0;
        boolean told = false;
        for (Column column : columns) {
            switch (column.kind()) {
                case ID -> sink.number(-1);
                case TEXT -> {
                    // The first one is the kind; what comes behind it, such as whose they are, holds for all regions.
                    sink.text(text == 0 || text >= texts.size() ? ArenaPart.MMAPPED : texts.get(text));
                    text++;
                }
                case BYTES -> {
                    // The first one says what there is, others what there was or may be.
                    if (told) {
                        sink.none();
                    } else {
                        sink.number(Arrays.stream(bytes[row]).sum());
                    }
                    told = true;
                }
                case IDS -> {}
                default -> sink.none();
            }
        }
        sums(row, sink);
        for (Column column : columns) {
            if (!isPlain(column)) {
                sink.numbers(List.of());
            }
        }
        sink.end();
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
