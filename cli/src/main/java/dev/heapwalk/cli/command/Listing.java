// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Categories;
import dev.heapwalk.cli.output.Order;
import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.Report;
import dev.heapwalk.cli.output.RowWriter;
import dev.heapwalk.cli.output.Spool;
import dev.heapwalk.heap.BlockCursor;
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
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.function.Predicate;

/**
 * A row for each of many blocks, in the order in which a walk finds them or in another. Of a listing that is cut only
 * as many rows are kept as are shown. One that is printed {@linkplain #printedBy meanwhile} ends where nobody reads it.
 */
final class Listing implements Report {
    static final List<Column> COLUMNS = List.of(
            Column.address("Address", "address"),
            Column.size("Size", "size"),
            Column.text("State", "state"),
            Column.flag("Mmapped", "mmapped"),
            Column.id("Arena", "arena"),
            Column.text("Domain", "domain"),
            Column.text("Kind", "kind"),
            Column.text("Detail", "detail"));

    /** How many blocks are walked before what was found of them is passed on, less one. */
    private static final int STEP = 0xfff;
    /** How many blocks are walked before it is told how far the walk is, less one. */
    private static final int LONG_STEP = 0xffff;
    /** How many rows are sorted at once. */
    private static final int RUN = 1 << 17;

    private final Predicate<BlockView> wanted;
    private final BlockRows told;
    private final Optional<Order> order;
    private final long most;

    private final Categories categories = new Categories();
    private final List<Heap> heaps = new ArrayList<>();
    private final List<List<String>> names = new ArrayList<>();
    private final Spool spool = new Spool();
    private final PackedBlocks.Writer rows;
    /** The first rows in the order that is asked for, the last of them at the head; only where the listing is cut. */
    private final Optional<PriorityQueue<ListedBlock>> first;

    private ListedBlock found = new ListedBlock();
    private Optional<LivePrint> printed = Optional.empty();
    private Optional<RowWriter> follower = Optional.empty();
    private boolean cut;
    private long atMost;
    private long count;
    private long bytes;

    /**
     * Makes a listing.
     *
     * @param wanted which blocks are kept
     * @param told what is told of each
     * @param order the order of rows; empty for that of the walk
     * @param most how many rows are shown, those that come first in that order
     */
    Listing(Predicate<BlockView> wanted, BlockRows told, Optional<Order> order, long most) {
        this.wanted = wanted;
        this.told = told;
        rows = new PackedBlocks.Writer(spool, told.contents());
        this.order = order;
        this.most = most;
        first = most == Long.MAX_VALUE || order.isEmpty()
                ? Optional.empty()
                : Optional.of(new PriorityQueue<>(by(order.get()).reversed()));
    }

    private Comparator<ListedBlock> by(Order asked) {
        return ListedBlock.by(asked, names, categories);
    }

    /** Has rows printed while they are found. To be called before the walk. */
    void printedBy(LivePrint print) {
        printed = Optional.of(print);
    }

    /** Walks all heaps to the end. */
    Listing add(UsageCursor usage, Problems problems, Progress progress) {
        HeapCommand.watch(usage, progress);
        atMost = usage.totalBytes();
        int walked = 0;
        int heap = -1;
        while (usage.next()) {
            if (wanted.test(usage)) {
                if (heap < 0 || heaps.get(heap) != usage.heap()) {
                    heap = heap(usage.heap());
                }
                add(heap, usage, usage.category());
            }
            if ((++walked & STEP) == 0 && !goesOn(walked, usage, progress)) {
                return this;
            }
        }
        HeapCommand.damage(usage, problems);
        return this;
    }

    /** Walks a cursor over blocks of one heap to its end. */
    Listing add(Heap heap, BlockCursor block, Problems problems, Progress progress) {
        if (cut) {
            return this;
        }
        atMost += block.totalBytes();
        int number = heap(heap);
        Categorized use = block instanceof Categorized categorized ? categorized : null;
        int walked = 0;
        while (block.next()) {
            if (wanted.test(block)) {
                add(number, block, use == null ? Category.NONE : use.category());
            }
            if ((++walked & STEP) == 0 && !goesOn(walked, block, progress)) {
                return this;
            }
        }
        problems.add(heap, block);
        return this;
    }

    /** Passes on what was found. Returns whether anybody still wants more. */
    private boolean goesOn(int walked, BlockCursor block, Progress progress) {
        if (printed.isPresent()) {
            if ((walked & LONG_STEP) == 0) {
                rows.settle();
            }
            spool.publish();
            if (printed.get().abandoned()) {
                cut = true;
                return false;
            }
        }
        if ((walked & LONG_STEP) == 0) {
            progress.at(block.walkedBytes(), block.totalBytes());
        }
        return true;
    }

    private int heap(Heap heap) {
        int known = heaps.indexOf(heap);
        if (known >= 0) {
            return known;
        }
        synchronized (names) {
            heaps.add(heap);
            names.add(heap.names());
        }
        return heaps.size() - 1;
    }

    private void add(int heap, BlockView block, Category use) {
        count++;
        bytes += block.size();
        int number = use == Category.NONE ? -1 : categories.number(use);
        Heap of = heaps.get(heap);
        found.set(heap, block, of.layer() == HeapLayer.ALLOCATOR, number);
        if (found.region >= 0) {
            found.region += of.firstRegion();
        }
        told.look(block, found);
        if (first.isPresent()) {
            keep(first.get());
        } else {
            rows.add(found);
        }
    }

    /** Keeps the row that was found if it is one of the first. */
    private void keep(PriorityQueue<ListedBlock> kept) {
        if (kept.size() < most) {
            kept.add(found);
            found = new ListedBlock();
        } else if (most > 0 && kept.comparator().compare(found, kept.peek()) > 0) {
            ListedBlock last = kept.poll();
            kept.add(found);
            found = last;
        }
    }

    /** Whether the walk ended early since nobody read its rows any more. */
    boolean cut() {
        return cut;
    }

    /** Tells who prints rows meanwhile that these were all. */
    void end() {
        spool.end();
    }

    @Override
    public List<Column> columns() {
        return told.columns();
    }

    @Override
    public void rows(RowSink sink) {
        if (first.isPresent()) {
            first.get().stream().sorted(by(order.orElseThrow())).forEach(block -> row(block, sink));
        } else if (order.isPresent()) {
            sorted(by(order.get()), sink);
        } else if (follower.isPresent()) {
            all(spool.follow(follower.get()::flush), follower.get()::settle, sink);
        } else {
            all(spool.reader(), () -> {}, sink);
        }
    }

    /** Has {@link #rows} give rows as they are found, until the walk has ended, to who writes them. */
    void follow(RowWriter writer) {
        follower = Optional.of(writer);
    }

    private void all(Spool.Reader from, Runnable settle, RowSink sink) {
        PackedBlocks.Reader reader = new PackedBlocks.Reader(from, settle, told.contents());
        ListedBlock block = new ListedBlock();
        while (reader.next(block)) {
            row(block, sink);
        }
    }

    private void row(ListedBlock block, RowSink sink) {
        String state;
        synchronized (names) {
            state = names.get(block.heap).get(block.name);
        }
        told.row(block, state, block.category < 0 ? Category.NONE : categories.get(block.category), sink);
        sink.end();
    }

    /** One of several sequences of rows, each of which is sorted. */
    private static final class Run {
        private final PackedBlocks.Reader reader;
        private final ListedBlock block = new ListedBlock();
        private long left;

        Run(PackedBlocks.Reader reader, long rows) {
            this.reader = reader;
            this.left = rows;
        }

        boolean next() {
            return left-- > 0 && reader.next(block);
        }
    }

    /** Sorts as many rows as fit, puts them aside, and merges what was put aside. */
    private void sorted(Comparator<ListedBlock> by, RowSink sink) {
        try (Spool aside = new Spool()) {
            PackedBlocks.Reader all = new PackedBlocks.Reader(spool.reader(), () -> {}, told.contents());
            PackedBlocks.Writer writer = new PackedBlocks.Writer(aside, told.contents());
            List<Long> starts = new ArrayList<>();
            List<Integer> lengths = new ArrayList<>();
            List<ListedBlock> some = new ArrayList<>();
            boolean more = true;
            while (more) {
                some.clear();
                for (ListedBlock block = new ListedBlock(); more && some.size() < RUN; block = new ListedBlock()) {
                    more = all.next(block);
                    if (more) {
                        some.add(block);
                    }
                }
                some.sort(by);
                if (starts.isEmpty() && !more) {
                    some.forEach(block -> row(block, sink));
                    return;
                }
                starts.add(aside.length());
                lengths.add(some.size());
                writer.restart();
                some.forEach(writer::add);
            }
            PriorityQueue<Run> runs = new PriorityQueue<>(Comparator.comparing(run -> run.block, by));
            for (int i = 0; i < starts.size(); i++) {
                PackedBlocks.Reader reader =
                        new PackedBlocks.Reader(aside.reader(starts.get(i)), () -> {}, told.contents());
                Run run = new Run(reader, lengths.get(i));
                if (run.next()) {
                    runs.add(run);
                }
            }
            while (!runs.isEmpty()) {
                Run run = runs.poll();
                row(run.block, sink);
                if (run.next()) {
                    runs.add(run);
                }
            }
        }
    }

    @Override
    public void total(RowSink sink) {
        String chunks = "%,d %s".formatted(count, count == 1 ? "chunk" : "chunks");
        told.total(bytes, count > most ? chunks + ", %,d shown".formatted(most) : chunks, sink);
    }

    @Override
    public List<String> dispensable() {
        return told.dispensable();
    }

    @Override
    public long mostBytes() {
        return atMost;
    }

    @Override
    public void close() {
        told.close();
        spool.close();
    }
}
