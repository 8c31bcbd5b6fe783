// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.RowSink;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code heapwalk sizes}: how many used chunks there are of each size. */
@Command(name = "sizes", description = "Count the used chunks by size. What takes most memory comes first.")
final class Sizes extends HeapCommand {
    @Mixin
    private BlockFilter filter;

    @Override
    List<Column> sortable() {
        return Answer.COLUMNS;
    }

    @Override
    Optional<String> largest() {
        // That is the rows' own order.
        return Optional.empty();
    }

    @Override
    void check() {
        super.check();
        filter.check(this);
    }

    @Override
    Report read(Heaps heaps, Problems problems, Progress progress) {
        SizeTally tally = new SizeTally();
        Optional<List<ArenaPart>> parts = filter.parts(heaps, this);
        if (parts.isPresent()) {
            parts.get().forEach(part -> count(part.heap(), part.blocks(), tally, problems, progress));
        } else {
            for (Heap heap : heaps.list()) {
                count(heap, heap.blocks(), tally, problems, progress);
            }
        }
        return new Answer(tally);
    }

    private void count(Heap heap, BlockCursor block, SizeTally tally, Problems problems, Progress progress) {
        walk(block, progress, one -> {
            if (one.state() == BlockState.USED && filter.takes(one)) {
                tally.add(one.size());
            }
        });
        problems.add(heap, block);
    }

    private static final class Answer implements Report {
        static final List<Column> COLUMNS = List.of(
                Column.size("Chunk size", "size"),
                Column.amount("Num chunks", "count"),
                Column.bytes("Allocated size", "bytes"));

        private final SizeTally tally;
        private long[] sizes = {};

        Answer(SizeTally tally) {
            this.tally = tally;
        }

        /** The sizes in the order of the rows, which is made when they are printed: by then the process runs on. */
        private long[] sizes() {
            if (sizes.length == 0) {
                sizes = tally.byBytes();
            }
            return sizes;
        }

        @Override
        public List<Column> columns() {
            return COLUMNS;
        }

        @Override
        public Optional<String> shared() {
            return Optional.of("bytes");
        }

        @Override
        public void rows(RowSink sink) {
            for (long size : sizes()) {
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
            for (long size : sizes()) {
                count += tally.count(size);
                bytes += size * tally.count(size);
            }
            sink.number(count);
            sink.number(bytes);
        }
    }
}
