// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.malloc.Arena;
import dev.heapwalk.malloc.Bin;
import dev.heapwalk.malloc.MallocHeap;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;

/** {@code heapwalk bins}: what the bins of each arena hold. */
@Command(name = "bins", description = "List the bins of each arena that hold a chunk: fast, unsorted, small, large.")
final class Bins extends HeapCommand {

    @Override
    Report read(MallocHeap heap, Problems problems, Progress progress) {
        List<Bin> bins = new ArrayList<>();
        for (Arena arena : heap.arenas()) {
            bins.addAll(heap.bins(arena));
        }
        return new Answer(bins);
    }

    private record Answer(List<Bin> bins) implements Report {

        @Override
        public List<Column> columns() {
            return List.of(
                    Column.id("Arena", "arena"),
                    Column.text("Kind", "kind"),
                    Column.id("Index", "index"),
                    Column.amount("Min size", "min_size"),
                    Column.amount("Max size", "max_size"),
                    Column.amount("Chunks", "chunks"),
                    Column.amount("Bytes", "bytes"));
        }

        @Override
        public void rows(RowSink sink) {
            for (Bin bin : bins) {
                sink.number(bin.arena());
                sink.text(bin.kind().name().toLowerCase(Locale.ROOT));
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
        }

        @Override
        public void total(RowSink sink) {
            sink.text("");
            sink.text("");
            sink.text("");
            sink.text("");
            sink.number(bins.stream().mapToLong(Bin::chunks).sum());
            sink.number(bins.stream().mapToLong(Bin::bytes).sum());
        }
    }
}
