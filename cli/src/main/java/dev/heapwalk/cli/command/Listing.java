// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.Spool;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Column;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.RowSink;
import dev.heapwalk.heap.usage.Categorized;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/**
 * A row for each of many blocks, packed into some six bytes each: flags, the distance from the end of the block before,
 * the size, and region and category where they change. Blocks of allocators come first.
 */
final class Listing implements Report {
    private static final int NAME = 0x07;
    /** In place of the name's index: it follows as a number. */
    private static final int OTHER_NAME = NAME;

    private static final int OWN_MAPPING = 0x08;
    private static final int OTHER_REGION = 0x10;
    private static final int OTHER_CATEGORY = 0x20;
    private static final int EXACT_SIZE = 0x40;
    private static final int GRANULE_BITS = 4;
    private static final long BELOW_GRANULE = (1 << GRANULE_BITS) - 1;

    private final boolean[] wanted = new boolean[BlockState.values().length];
    private final Categories categories = new Categories();
    private final List<Part> parts = new ArrayList<>();
    private long count;
    private long bytes;

    /** Takes the states of the blocks that are kept. */
    Listing(Set<BlockState> states) {
        states.forEach(state -> wanted[state.ordinal()] = true);
    }

    /** The rows of one heap. */
    private static final class Part {
        private final Heap heap;
        private final Spool rows = new Spool();
        private long count;
        private long end;
        private int region = Integer.MIN_VALUE;
        private int category = Integer.MIN_VALUE;

        Part(Heap heap) {
            this.heap = heap;
        }
    }

    /** Walks all heaps to the end. */
    Listing add(UsageCursor usage, Problems problems, Progress progress) {
        Part part = null;
        int walked = 0;
        while (usage.next()) {
            if (wanted[usage.state().ordinal()]) {
                Heap heap = usage.heap();
                if (part == null || part.heap != heap) {
                    part = part(heap);
                }
                add(part, usage, usage.category());
            }
            if ((++walked & 0xffff) == 0) {
                progress.at(usage.walkedBytes(), usage.totalBytes());
            }
        }
        HeapCommand.damage(usage, problems);
        return this;
    }

    /** Walks a cursor over blocks of one heap to its end. */
    Listing add(Heap heap, BlockCursor block, Problems problems, Progress progress) {
        Part part = part(heap);
        Categorized use = block instanceof Categorized categorized ? categorized : null;
        int walked = 0;
        while (block.next()) {
            if (wanted[block.state().ordinal()]) {
                add(part, block, use == null ? Category.NONE : use.category());
            }
            if ((++walked & 0xffff) == 0) {
                progress.at(block.walkedBytes(), block.totalBytes());
            }
        }
        problems.add(heap, block.damage());
        return this;
    }

    private Part part(Heap heap) {
        Part part = new Part(heap);
        parts.add(part);
        parts.sort(Comparator.comparing(one -> one.heap.layer()));
        return part;
    }

    private void add(Part part, BlockView block, Category use) {
        int number = use == Category.NONE ? -1 : categories.number(use);
        long size = block.size();
        int name = block.nameIndex();
        int region = part.heap.layer() == HeapLayer.ALLOCATOR ? block.region() : -1;
        int flags = Math.min(name, OTHER_NAME)
                | (block.ownMapping() ? OWN_MAPPING : 0)
                | (region != part.region ? OTHER_REGION : 0)
                | (number != part.category ? OTHER_CATEGORY : 0)
                | ((size & BELOW_GRANULE) != 0 ? EXACT_SIZE : 0);
        Spool rows = part.rows;
        rows.write(flags);
        rows.signed(block.address() - part.end);
        rows.number((flags & EXACT_SIZE) != 0 ? size : size >>> GRANULE_BITS);
        if (name >= OTHER_NAME) {
            rows.number(name);
        }
        if (region != part.region) {
            part.region = region;
            rows.signed(region);
        }
        if (number != part.category) {
            part.category = number;
            rows.signed(number);
        }
        part.end = block.address() + size;
        part.count++;
        count++;
        bytes += size;
    }

    @Override
    public List<Column> columns() {
        return List.of(
                Column.address("Address", "address"),
                Column.amount("Size", "size"),
                Column.text("State", "state"),
                Column.flag("Mmapped", "mmapped"),
                Column.id("Arena", "arena"),
                Column.text("Domain", "domain"),
                Column.text("Kind", "kind"),
                Column.text("Detail", "detail"));
    }

    @Override
    public void rows(RowSink sink) {
        parts.forEach(part -> rows(part, sink));
    }

    private void rows(Part part, RowSink sink) {
        Spool.Reader reader = part.rows.reader();
        List<String> names = part.heap.names();
        long previousEnd = 0;
        long region = 0;
        Category use = Category.NONE;
        for (long i = 0; i < part.count; i++) {
            int flags = reader.get();
            long address = previousEnd + reader.signed();
            long size = (flags & EXACT_SIZE) != 0 ? reader.number() : reader.number() << GRANULE_BITS;
            int name = (flags & NAME) == OTHER_NAME ? (int) reader.number() : flags & NAME;
            if ((flags & OTHER_REGION) != 0) {
                region = reader.signed();
            }
            if ((flags & OTHER_CATEGORY) != 0) {
                int number = (int) reader.signed();
                use = number < 0 ? Category.NONE : categories.get(number);
            }
            previousEnd = address + size;
            sink.address(address);
            sink.number(size);
            sink.text(names.get(name));
            sink.flag((flags & OWN_MAPPING) != 0);
            sink.number(region);
            if (use == Category.NONE) {
                sink.none();
                sink.none();
                sink.none();
            } else {
                sink.text(use.domain().label());
                sink.text(use.kind());
                sink.text(use.detail());
            }
            sink.end();
        }
    }

    @Override
    public void total(RowSink sink) {
        sink.number(bytes);
        sink.text("%,d %s".formatted(count, count == 1 ? "chunk" : "chunks"));
    }

    @Override
    public void close() {
        parts.forEach(part -> part.rows.close());
    }
}
