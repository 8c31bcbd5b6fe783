// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.ThreadCache;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code heapwalk tcache}: what each thread's cache holds. */
@Command(name = "tcache", description = "List what each thread's cache of free chunks holds, bin by bin.")
final class Tcache extends HeapCommand {

    @Override
    Report read(MallocHeap heap, Problems problems, Progress progress) {
        return new Answer(heap.threadCaches());
    }

    private record Answer(List<ThreadCache> caches) implements Report {

        @Override
        public List<Column> columns() {
            return List.of(
                    Column.address("Cache", "address"),
                    Column.id("Thread", "tid"),
                    Column.id("Bin", "index"),
                    Column.amount("Chunk size", "chunk_size"),
                    Column.amount("Chunks", "chunks"));
        }

        @Override
        public void rows(RowSink sink) {
            for (ThreadCache cache : caches) {
                for (ThreadCache.Bin bin : cache.bins()) {
                    begin(cache, sink);
                    sink.number(bin.index());
                    sink.number(bin.chunkSize());
                    sink.number(bin.chunks().size());
                    sink.end();
                }
                if (cache.bins().isEmpty()) {
                    begin(cache, sink);
                    sink.none();
                    sink.none();
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

        @Override
        public void total(RowSink sink) {
            sink.text("");
            sink.text("");
            sink.text("");
            sink.number(caches.stream()
                    .flatMap(cache -> cache.bins().stream())
                    .mapToLong(bin -> bin.chunks().size())
                    .sum());
        }
    }
}
