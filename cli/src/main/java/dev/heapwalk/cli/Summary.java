// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.usage.Category;
import dev.heapwalk.malloc.usage.UsageCursor;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;

/** {@code heapwalk summary}: what the used chunks are used for. */
@Command(name = "summary", description = "Count the used chunks by what they are used for.")
final class Summary extends HeapCommand {

    @Override
    boolean needsMmapped() {
        return true;
    }

    @Override
    Report read(MallocHeap heap, Problems problems, Progress progress) {
        Categories categories = new Categories();
        long[] counts = new long[16];
        long[] bytes = new long[16];
        UsageCursor usage = UsageCursor.over(heap);
        int walked = 0;
        while (usage.next()) {
            if (usage.state() == ChunkState.USED) {
                int number = categories.number(usage.category());
                if (number >= counts.length) {
                    counts = Arrays.copyOf(counts, number * 2);
                    bytes = Arrays.copyOf(bytes, number * 2);
                }
                counts[number]++;
                bytes[number] += usage.size();
            }
            if ((++walked & 0xffff) == 0) {
                progress.at(usage.chunk().walkedBytes(), usage.chunk().totalBytes());
            }
        }
        problems.add(usage.chunk().corruptions());
        usage.holes().forEach(problems::missing);
        return new Answer(categories, counts, bytes);
    }

    private record Answer(Categories categories, long[] counts, long[] bytes) implements Report {

        @Override
        public List<Column> columns() {
            return List.of(
                    Column.text("Domain", "domain"),
                    Column.text("Kind", "kind"),
                    Column.text("Detail", "detail"),
                    Column.amount("Count", "count"),
                    Column.amount("Allocated size", "bytes"));
        }

        @Override
        public void rows(RowSink sink) {
            IntStream.range(0, categories.size())
                    .boxed()
                    .sorted(Comparator.comparingLong((Integer number) -> bytes[number]).reversed())
                    .forEach(number -> {
                        Category category = categories.get(number);
                        sink.text(category.domain().label());
                        sink.text(category.kind());
                        sink.text(category.detail());
                        sink.number(counts[number]);
                        sink.number(bytes[number]);
                        sink.end();
                    });
        }

        @Override
        public void total(RowSink sink) {
            sink.text("");
            sink.text("");
            sink.number(Arrays.stream(counts).sum());
            sink.number(Arrays.stream(bytes).sum());
        }
    }
}
