// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.layout.RubyLayout;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;

/**
 * Has several threads write the lines of a heap's pages, each a batch of pages at a time into memory. In the order of
 * the pages the batches get their places in the output; a thread that has to wait for that is soon done waiting, as
 * batches are small.
 */
final class PageBatches {
    /** How much of the heap is a batch, in bytes; its lines are mostly three to eight times as long. */
    private static final int BATCH = 256 << 10;
    /** How much of a batch's lines is kept until it is its turn, in bytes. */
    private static final int CAPACITY = 2 << 20;
    /** The most memory of the target that the threads keep together, in bytes. */
    private static final long BUDGET = 64L << 20;

    private static final int MOST_THREADS = 4;

    /** Writes lines; made in and for one thread. */
    interface Writer {
        /**
         * Writes the lines of some pages.
         *
         * @param first index of the first page
         * @param end index behind the last one
         */
        void write(int first, int end);

        /** What was written so far. */
        DumpSummary summary();
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
    private final DumpOutput out;
    private final LongConsumer progress;
    private final AtomicInteger next = new AtomicInteger();
    private final List<DumpSummary> parts = new ArrayList<>();
    private int turn;
    private Throwable failure;

    /**
     * Prepares to write all pages.
     *
     * @param vm the virtual machine
     * @param out where the lines go
     * @param progress is given the number of slots that are done, by one thread at a time
     */
    PageBatches(RubyVm vm, DumpOutput out, LongConsumer progress) {
        int pageSize = RubyLayout.of(vm.series()).page().bodySize();
        this.vm = vm;
        this.pages = vm.pages().count();
        this.step = Math.max(1, BATCH / pageSize);
        this.threads =
                Math.clamp(pages / (8L * step), 1, Math.min(Runtime.getRuntime().availableProcessors(), MOST_THREADS));
        this.out = out;
        this.progress = progress;
    }

    /** A reader with one thread's share of memory. */
    ObjectReader reader() {
        return vm.reader(BUDGET / threads);
    }

    /**
     * Writes all pages.
     *
     * @param maker makes a writer for each thread
     * @return what each thread has written
     * @throws UncheckedIOException if writing fails
     */
    List<DumpSummary> write(Maker maker) {
        List<Thread> others = new ArrayList<>();
        for (int i = 1; i < threads; i++) {
            others.add(Thread.ofPlatform().daemon().name("heapwalk dump " + i).start(() -> work(maker)));
        }
        work(maker);
        boolean interrupted = false;
        for (Thread other : others) {
            while (other.isAlive()) {
                try {
                    other.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        switch (failure) {
            case null -> {
                return parts;
            }
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case IOException e -> throw new UncheckedIOException(e);
            default -> throw new IllegalStateException(failure);
        }
    }

    private void work(Maker maker) {
        try (Arena arena = Arena.ofConfined()) {
            Lines lines = new Lines(out.buffer(CAPACITY, arena));
            Writer writer = maker.make(reader(), lines);
            for (int first; (first = next.getAndIncrement() * step) < pages; ) {
                lines.begin(first);
                writer.write(first, Math.min(first + step, pages));
                lines.end();
            }
            synchronized (this) {
                parts.add(writer.summary());
            }
        } catch (OtherFailed e) {
            // What that thread threw is told.
        } catch (Throwable e) {
            fail(e);
        }
    }

    private synchronized void fail(Throwable e) {
        if (failure == null) {
            failure = e;
        }
        notifyAll();
    }

    private synchronized void await(int first) {
        boolean interrupted = false;
        while (turn != first && failure == null) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure != null) {
            throw new OtherFailed();
        }
    }

    private synchronized void passOn(int first) {
        turn = first + step;
        progress.accept(vm.pages().totalSlots() * Math.min(turn, pages) / pages);
        notifyAll();
    }

    /** Ends a thread because another has failed. */
    private static final class OtherFailed extends RuntimeException {
        private static final long serialVersionUID = 1;

        private OtherFailed() {
            super(null, null, false, false);
        }
    }

    /** The lines of a batch. One that has more than there is room for waits for its turn and holds it until its end. */
    private final class Lines extends OutputStream {
        private final ByteBuffer buffer;
        private int first;

        private Lines(ByteBuffer buffer) {
            this.buffer = buffer;
        }

        void begin(int page) {
            first = page;
            buffer.clear();
        }

        @Override
        public void write(int one) throws IOException {
            write(new byte[] {(byte) one}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            for (int done = 0; done < length; ) {
                if (!buffer.hasRemaining()) {
                    await(first);
                    buffer.flip();
                    out.write(buffer, out.place(buffer));
                    buffer.clear();
                }
                int some = Math.min(length - done, buffer.remaining());
                buffer.put(bytes, offset + done, some);
                done += some;
            }
        }

        /** Writes what is left. The next batch gets its place before that, and may be written meanwhile. */
        void end() throws IOException {
            await(first);
            buffer.flip();
            long place = out.place(buffer);
            passOn(first);
            out.write(buffer, place);
        }
    }
}
