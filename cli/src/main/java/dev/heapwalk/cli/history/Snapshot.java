// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.history;

import dev.heapwalk.cli.output.Categories;
import dev.heapwalk.cli.output.Spool;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/**
 * The used blocks of a target at one moment: some four bytes for each, of which what does not fit into memory lies in a
 * temporary file.
 */
public final class Snapshot implements AutoCloseable {
    private final Spool rows;
    private final List<Category> categories;
    private final List<Run> runs;
    private final long count;
    private final long bytes;

    /** Blocks in ascending order. */
    private record Run(long position, long count) {}

    private Snapshot(Spool rows, List<Category> categories, List<Run> runs, long count, long bytes) {
        this.rows = rows;
        this.categories = categories;
        this.runs = runs;
        this.count = count;
        this.bytes = bytes;
    }

    /** What {@link #transferTo} has written, read back. */
    static Snapshot of(Spool rows, List<Category> categories, long count, long bytes) {
        return new Snapshot(rows, categories, List.of(new Run(0, count)), count, bytes);
    }

    /** Takes blocks as a walk finds them. */
    public static final class Builder {
        private final Spool rows = new Spool();
        private final Categories categories = new Categories();
        private final List<Run> runs = new ArrayList<>();
        private long begun;
        private long inRun;
        private long last;
        private long end;
        private long count;
        private long bytes;

        /** Takes the block that a walk is at; it has a category. */
        public void add(UsageCursor usage) {
            add(usage.address(), usage.size(), usage.category());
        }

        void add(long address, long size, Category category) {
            add(address, size, categories.number(category));
        }

        private void add(long address, long size, int category) {
            if (inRun > 0 && Long.compareUnsigned(address, last) <= 0) {
                endRun();
            }
            rows.signed(address - end);
            rows.number(size);
            rows.number(category);
            last = address;
            end = address + size;
            inRun++;
            count++;
            bytes += size;
        }

        private void endRun() {
            runs.add(new Run(begun, inRun));
            begun = rows.length();
            inRun = 0;
            end = 0;
        }

        /** All that was taken. */
        public Snapshot build() {
            endRun();
            return new Snapshot(rows, categories.list(), List.copyOf(runs), count, bytes);
        }
    }

    /** How many blocks there are. */
    public long count() {
        return count;
    }

    /** How many bytes they have together. */
    public long bytes() {
        return bytes;
    }

    List<Category> categories() {
        return categories;
    }

    /** Writes the blocks in the order of their addresses, packed. */
    void transferTo(OutputStream out) throws IOException {
        if (runs.size() == 1) {
            rows.transferTo(out);
            return;
        }
        Builder merged = new Builder();
        try (Spool sorted = merged.rows) {
            for (Blocks blocks = blocks(); blocks.next(); ) {
                merged.add(blocks.address(), blocks.size(), blocks.number());
            }
            sorted.transferTo(out);
        }
    }

    /** Walks the blocks in the order of their addresses. */
    public Blocks blocks() {
        return new Blocks();
    }

    @Override
    public void close() {
        rows.close();
    }

    /** A run that is read. */
    private final class Reader {
        private final Spool.Reader from;
        private long left;
        private long address;
        private long size;
        private int category;

        Reader(Run run) {
            from = rows.reader(run.position);
            left = run.count;
        }

        boolean next() {
            if (left == 0) {
                return false;
            }
            left--;
            address += size + from.signed();
            size = from.number();
            category = (int) from.number();
            return true;
        }
    }

    /** A walk over the blocks in the order of their addresses. */
    public final class Blocks {
        private final PriorityQueue<Reader> others =
                new PriorityQueue<>(Comparator.comparing((Reader run) -> run.address, Long::compareUnsigned));
        /** The run that the block is of; null before the first block. */
        private Reader at;

        private Blocks() {
            for (Run run : runs) {
                Reader reader = new Reader(run);
                if (reader.next()) {
                    others.add(reader);
                }
            }
        }

        /** Goes to the next block. Returns whether there is one. */
        public boolean next() {
            if (at != null && at.next()) {
                if (others.isEmpty() || Long.compareUnsigned(at.address, others.peek().address) < 0) {
                    return true;
                }
                others.add(at);
            }
            at = others.poll();
            return at != null;
        }

        public long address() {
            return at.address;
        }

        public long size() {
            return at.size;
        }

        /** What it is used for. */
        public Category category() {
            return categories.get(at.category);
        }

        private int number() {
            return at.category;
        }
    }
}
