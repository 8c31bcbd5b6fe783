// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.IntConsumer;

/**
 * Has several threads write the lines of a heap's pages, each a batch of pages at a time into memory, and puts what they wrote out in
 * the order of the pages.
 *
 * @param <W> what writes the lines of pages
 */
final class PageBatches<W extends PageBatches.Writer> {
    /** A batch of so much of the heap is one to two megabytes of lines, in bytes. */
    private static final int BATCH = 512 << 10;

    /** Writes lines; made in and for one thread. */
    interface Writer {
        /**
         * Writes the lines of some pages.
         *
         * @param first index of the first page
         * @param end index behind the last one
         */
        void write(int first, int end);
    }

    private final int pages;
    private final int step;
    private final OutputStream out;
    private final IntConsumer progress;
    private final AtomicInteger next = new AtomicInteger();
    private final List<W> writers = new ArrayList<>();
    private int turn;
    private Throwable failure;

    private PageBatches(int pages, int step, OutputStream out, IntConsumer progress) {
        this.pages = pages;
        this.step = step;
        this.out = out;
        this.progress = progress;
    }

    /** How many threads are worth their while for so many bytes of pages. */
    static int threads(long bytes) {
        return Math.clamp(bytes / (4 * BATCH), 1, Math.min(Runtime.getRuntime().availableProcessors() + 1, 4));
    }

    /**
     * Writes all pages.
     *
     * @param pages how many there are
     * @param pageSize how large each is, in bytes
     * @param threads how many threads to use
     * @param maker makes a writer to a stream, in the thread that will use it
     * @param out where the lines go
     * @param progress is given how many pages are done, by one thread at a time
     * @return the writers, for what they have counted
     * @throws UncheckedIOException if writing fails
     */
    static <W extends Writer> List<W> run(
            int pages, int pageSize, int threads, Function<OutputStream, W> maker, OutputStream out, IntConsumer progress) {
        PageBatches<W> batches = new PageBatches<>(pages, Math.max(1, BATCH / pageSize), out, progress);
        List<Thread> others = new ArrayList<>();
        for (int i = 1; i < threads; i++) {
            others.add(Thread.ofPlatform().daemon().name("heapwalk dump " + i).start(() -> batches.work(maker)));
        }
        batches.work(maker);
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
        switch (batches.failure) {
            case null -> {
                return batches.writers;
            }
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(batches.failure);
        }
    }

    private void work(Function<OutputStream, W> maker) {
        try {
            ByteArrayOutputStream lines = new ByteArrayOutputStream(1 << 20);
            W writer = maker.apply(lines);
            synchronized (this) {
                writers.add(writer);
            }
            for (int first; (first = next.getAndIncrement() * step) < pages; ) {
                writer.write(first, Math.min(first + step, pages));
                if (!put(first, lines)) {
                    return;
                }
                lines.reset();
            }
        } catch (Throwable e) {
            fail(e);
        }
    }

    /** Waits for the turn of a batch and puts it out. Returns false if another thread has failed. */
    private synchronized boolean put(int first, ByteArrayOutputStream lines) throws IOException, InterruptedException {
        while (turn != first && failure == null) {
            wait();
        }
        if (failure != null) {
            return false;
        }
        try {
            lines.writeTo(out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        turn = first + step;
        progress.accept(Math.min(turn, pages));
        notifyAll();
        return true;
    }

    private synchronized void fail(Throwable e) {
        if (failure == null) {
            failure = e;
        }
        notifyAll();
    }
}
