// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.heap.dump.DumpLimit;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.heap.dump.LineBatches;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.layout.RubyLayout;
import java.io.OutputStream;
import java.util.function.LongConsumer;

/** The pages of a heap, some of which are a batch. */
final class PageBatches implements LineBatches.Source {
    /** How much of the heap is a batch, in bytes; its lines are mostly three to eight times as long. */
    private static final int BATCH = 256 << 10;
    /** The most memory of the target that the threads keep together, in bytes. */
    private static final long BUDGET = 64L << 20;
    /** With fewer batches for each, threads are not worth while. */
    private static final int BATCHES_A_THREAD = 8;

    /** Writes lines; made in and for one thread, and closed by it. */
    interface Writer extends AutoCloseable {
        /**
         * Writes the lines of some pages.
         *
         * @param first index of the first page
         * @param end index behind the last one
         * @throws DumpLimit.LineTooLong if a line is longer than the whole dump may be; those before it were written
         */
        void write(int first, int end);

        /** How many lines were made so far. */
        long objects();

        /** What was written so far. */
        DumpSummary summary();

        /** Frees the buffers. */
        @Override
        void close();
    }

    /** Makes writers. */
    interface Maker {
        /** Makes a writer to a stream, in the thread that will use it. */
        Writer make(ObjectReader reader, OutputStream lines);
    }

    private final RubyVm vm;
    private final int pages;
    private final int step;
    private final int threads;
    private final LongConsumer progress;
    private Maker maker;

    /**
     * Divides all pages.
     *
     * @param vm the virtual machine
     * @param progress is given the number of slots that are done, by one thread at a time
     */
    PageBatches(RubyVm vm, LongConsumer progress) {
        this.vm = vm;
        this.pages = vm.pages().count();
        this.step = Math.max(1, BATCH / RubyLayout.of(vm.series()).page().bodySize());
        this.threads = LineBatches.threads(pages / ((long) BATCHES_A_THREAD * step));
        this.progress = progress;
    }

    /** How many threads are worth while. */
    int threads() {
        return threads;
    }

    /** Says what writes, before anything is written. */
    void by(Maker some) {
        maker = some;
    }

    /** A reader with one thread's share of memory. */
    ObjectReader reader() {
        return vm.reader(BUDGET / threads);
    }

    @Override
    public LineBatches.Writer writer(OutputStream lines) {
        return new Batch(maker.make(reader(), lines));
    }

    @Override
    public long from(int number) {
        long slots = 0;
        for (int page = number * step; page < pages; page++) {
            slots += vm.pages().slots(page);
        }
        return slots;
    }

    @Override
    public void done(int number) {
        progress.accept(vm.pages().totalSlots() * Math.min(number * step, pages) / pages);
    }

    /** The pages that a thread has taken. */
    private final class Batch implements LineBatches.Writer {
        private final Writer writer;
        private int first;

        private Batch(Writer writer) {
            this.writer = writer;
        }

        @Override
        public boolean take(int number) {
            first = number * step;
            return first < pages;
        }

        @Override
        public void write() {
            writer.write(first, Math.min(first + step, pages));
        }

        @Override
        public long objects() {
            return writer.objects();
        }

        @Override
        public DumpSummary summary() {
            return writer.summary();
        }

        @Override
        public void close() {
            writer.close();
        }
    }
}
