// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.Table;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Arenas, bins and thread caches as rows. */
final class MallocTables {
    private static final List<Column> ARENAS = List.of(
            Column.id("Arena", "index"),
            Column.address("Address", "address"),
            Column.text("Kind", "kind"),
            Column.sum("Heaps", "heaps"),
            Column.bytes("System", "system_bytes"),
            Column.bytes("Max system", "max_system_bytes"),
            Column.ids("Threads", "threads"));

    private static final List<Column> BINS = List.of(
            Column.id("Arena", "arena"),
            Column.text("Kind", "kind"),
            Column.id("Index", "index"),
            Column.size("Min size", "min_size"),
            Column.size("Max size", "max_size"),
            Column.sum("Chunks", "chunks"),
            Column.bytes("Bytes", "bytes"));

    private static final List<Column> CACHES = List.of(
            Column.address("Cache", "address"),
            Column.id("Thread", "tid"),
            Column.id("Bin", "index"),
            Column.size("Chunk size", "chunk_size"),
            Column.sum("Chunks", "chunks"),
            Column.bytes("Bytes", "bytes"));

    private MallocTables() {}

    /** With a column for the C library behind some of them, where a target has several. */
    private static List<Column> columns(List<Column> columns, int behind, MallocHeap.Place place) {
        if (place.library().isEmpty()) {
            return columns;
        }
        List<Column> more = new ArrayList<>(columns);
        more.add(behind, Column.text("Library", "library"));
        return List.copyOf(more);
    }

    private static void library(MallocHeap.Place place, RowSink sink) {
        if (!place.library().isEmpty()) {
            sink.text(place.library());
        }
    }

    static Table arenas(List<MallocArena> arenas, MallocHeap.Place place) {
        return new Rows<>(columns(ARENAS, 3, place), arenas) {
            @Override
            void row(MallocArena arena, RowSink sink) {
                sink.number(place.firstRegion() + arena.index());
                sink.address(arena.address());
                sink.text(word(arena.kind()));
                library(place, sink);
                sink.number(arena.regions().size());
                sink.number(arena.systemBytes());
                sink.number(arena.maxSystemBytes());
                sink.numbers(arena.threadIds());
                sink.end();
            }
        };
    }

    static Table bins(List<Bin> bins, MallocHeap.Place place) {
        return new Rows<>(BINS, bins) {
            @Override
            void row(Bin bin, RowSink sink) {
                sink.number(place.firstRegion() + bin.arena());
                sink.text(word(bin.kind()));
                sink.number(bin.index());
                sink.number(bin.minSize());
                if (bin.maxSize() < 0) {
                    sink.none();
                } else {
                    sink.number(bin.maxSize());
                }
                sink.number(bin.chunks());
                sink.number(bin.bytes());
                sink.end();
            }
        };
    }

    static Table caches(List<ThreadCache> caches, MallocHeap.Place place) {
        return new Rows<>(columns(CACHES, 2, place), caches) {
            @Override
            void row(ThreadCache cache, RowSink sink) {
                for (ThreadCache.Bin bin : cache.bins()) {
                    begin(cache, place, sink);
                    sink.number(bin.index());
                    sink.number(bin.chunkSize());
                    sink.number(bin.chunks().size());
                    sink.number(bin.chunks().size() * bin.chunkSize());
                    sink.end();
                }
                if (cache.bins().isEmpty()) {
                    begin(cache, place, sink);
                    sink.none();
                    sink.none();
                    sink.number(0);
                    sink.number(0);
                    sink.end();
                }
            }
        };
    }

    private static void begin(ThreadCache cache, MallocHeap.Place place, RowSink sink) {
        sink.address(cache.address());
        if (cache.tid().isPresent()) {
            sink.number(cache.tid().getAsLong());
        } else {
            sink.none();
        }
        library(place, sink);
    }

    private static String word(Enum<?> kind) {
        return kind.name().toLowerCase(Locale.ROOT);
    }

    /** A table of what a list has. */
    private abstract static class Rows<T> implements Table {
        private final List<Column> columns;
        private final List<T> list;

        Rows(List<Column> columns, List<T> list) {
            this.columns = columns;
            this.list = List.copyOf(list);
        }

        @Override
        public final List<Column> columns() {
            return columns;
        }

        @Override
        public final void rows(RowSink sink) {
            for (T one : list) {
                row(one, sink);
            }
        }

        abstract void row(T one, RowSink sink);
    }
}
