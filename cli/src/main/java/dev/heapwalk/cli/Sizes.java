// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.ChunkState;
import dev.heapwalk.malloc.MallocHeap;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code heapwalk sizes}: how many used chunks there are of each size. */
@Command(name = "sizes", description = "Count the used chunks by size, those that take most memory first.")
final class Sizes extends HeapCommand {

    @Override
    boolean needsMmapped() {
        return true;
    }

    @Override
    Report read(MallocHeap heap, Problems problems, Progress progress) {
        SizeTally tally = new SizeTally();
        ChunkCursor chunk = heap.chunks();
        int walked = 0;
        while (chunk.next()) {
            if (chunk.state() == ChunkState.USED) {
                tally.add(chunk.size());
            }
            if ((++walked & 0xffff) == 0) {
                progress.at(chunk.walkedBytes(), chunk.totalBytes());
            }
        }
        problems.add(chunk.corruptions());
        return new Answer(tally);
    }

    private static final class Answer implements Report {
        private final long[] sizes;
        private final SizeTally tally;

        Answer(SizeTally tally) {
            this.tally = tally;
            sizes = tally.byBytes();
        }

        @Override
        public List<Column> columns() {
            return List.of(
                    Column.amount("Chunk size", "size"),
                    Column.amount("Num chunks", "count"),
                    Column.amount("Allocated size", "bytes"));
        }

        @Override
        public void rows(RowSink sink) {
            for (long size : sizes) {
                long count = tally.count(size);
                sink.number(size);
                sink.number(count);
                sink.number(size * count);
                sink.end();
            }
        }

        @Override
        public void total(RowSink sink) {
            long count = 0;
            long bytes = 0;
            for (long size : sizes) {
                count += tally.count(size);
                bytes += size * tally.count(size);
            }
            sink.number(count);
            sink.number(bytes);
        }
    }
}
