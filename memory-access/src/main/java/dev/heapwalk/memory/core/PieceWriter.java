// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.core;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/**
 * Has another thread write what this one reads. There are a few pieces of memory, which go round; so nothing grows where
 * the output is slower than the target.
 */
final class PieceWriter implements AutoCloseable {
    private static final int PIECES = 4;
    /** Parts of pieces, and runs of zeros, that may wait. */
    private static final int WAITING = 1 << 10;

    private final CoreOutput to;
    private final BlockingQueue<Job> jobs = new ArrayBlockingQueue<>(WAITING);
    private final BlockingQueue<Piece> idle = new ArrayBlockingQueue<>(PIECES);
    private final Thread thread;
    private Piece current;
    private volatile Throwable failure;

    private record Piece(MemorySegment memory, ByteBuffer bytes) {}

    private sealed interface Job {}

    /** Some bytes. */
    private record Some(ByteBuffer bytes) implements Job {}

    private record Zeros(long length) implements Job {}

    /** A piece of which all has been written. */
    private record Done(Piece piece) implements Job {}

    private record End() implements Job {}

    PieceWriter(CoreOutput to, int pieceSize) {
        this.to = to;
        for (int i = 0; i < PIECES; i++) {
            MemorySegment memory = Arena.ofAuto().allocate(pieceSize, 1 << 12);
            idle.add(new Piece(memory, memory.asByteBuffer()));
        }
        thread = Thread.ofPlatform().daemon().name("heapwalk core writer").start(this::run);
    }

    private void run() {
        boolean ended = false;
        while (!ended) {
            Job job = take(jobs);
            try {
                switch (job) {
                    case Some some when failure == null -> to.write(some.bytes);
                    case Zeros zeros when failure == null -> to.zeros(zeros.length);
                    case Done done -> idle.add(done.piece);
                    case End _ -> ended = true;
                    default -> {
                        // Nothing more is written after a failure.
                    }
                }
            } catch (Throwable e) {
                failure = e;
            }
        }
    }

    private static <T> T take(BlockingQueue<T> queue) {
        boolean interrupted = false;
        while (true) {
            try {
                T taken = queue.take();
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
                return taken;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
    }

    private void put(Job job) {
        boolean interrupted = false;
        while (true) {
            try {
                jobs.put(job);
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Writes bytes that nobody changes. */
    void write(ByteBuffer bytes) {
        put(new Some(bytes));
    }

    void zeros(long length) {
        if (length > 0) {
            put(new Zeros(length));
        }
    }

    /** Memory to read into, until {@link #taken()}. */
    MemorySegment free() throws Stopped {
        current = take(idle);
        if (failure != null) {
            throw new Stopped();
        }
        return current.memory;
    }

    /** Nothing more can be written; {@link #finish()} says why. */
    static final class Stopped extends RuntimeException {
        private static final long serialVersionUID = 1;

        private Stopped() {
            super("the output failed", null, false, false);
        }
    }

    /** Writes a part of the memory that was given last. */
    void write(long from, long end) {
        put(new Some(current.bytes.slice((int) from, (int) (end - from))));
    }

    /** All of that memory that is to be written is. */
    void taken() {
        put(new Done(current));
    }

    /** Waits until all is written. */
    void finish() throws IOException {
        end();
        switch (failure) {
            case null -> to.end();
            case IOException e -> throw e;
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(failure);
        }
    }

    private void end() {
        put(new End());
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Ends the writing, where it was not finished: what waits to be written is dropped. */
    @Override
    public void close() {
        if (thread.isAlive()) {
            failure = new Stopped();
            end();
        }
    }
}
