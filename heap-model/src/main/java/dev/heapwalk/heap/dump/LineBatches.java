// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.dump;

import dev.heapwalk.memory.raw.Crew;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Has several threads write the lines of a dump, each a batch at a time into memory. In the order in which they were
 * taken the batches get their places in the output; a thread that has to wait for that is soon done waiting, as batches
 * are small.
 *
 * <p>Where the output has a limit, it gets the first lines that have room, and nothing is read any more once a line has
 * none. A line that is longer than the memory for a batch is kept in a file without a name until its end is known.
 */
public final class LineBatches {
    /** How much of a batch's lines is kept until it is its turn, in bytes. */
    private static final int CAPACITY = 2 << 20;

    private static final int MOST_THREADS = 4;

    /** Writes lines; made in and for one thread, and closed by it. */
    public interface Writer extends AutoCloseable {
        /**
         * Takes the next batch of what is to be written; called by one thread at a time.
         *
         * @param number the number of the batch: 0, 1, 2 ...
         * @return false if nothing is left
         */
        boolean take(int number);

        /**
         * Writes the lines of the batch that it has taken.
         *
         * @throws DumpLimit.LineTooLong if a line is longer than the whole dump may be; those before it were written
         */
        void write();

        /**
         * How many lines were made.
         *
         * @return those of all batches so far
         */
        long objects();

        /**
         * What was written so far.
         *
         * @return a summary of what this writer has made
         */
        DumpSummary summary();

        /** Frees the buffers. */
        @Override
        void close();
    }

    /** What is written. */
    public interface Source {
        /**
         * Makes a writer to a stream, in the thread that will use it.
         *
         * @param lines where the lines go
         * @return the writer
         */
        Writer writer(OutputStream lines);

        /**
         * How many lines batches may have that are not written yet.
         *
         * @param number the number of the first of them
         * @return how many lines at most
         */
        long from(int number);

        /**
         * Notes that the lines of all batches before one have their places; called by one thread at a time.
         *
         * @param number the number of the batch that is next
         */
        void done(int number);
    }

    private final Source source;
    private final int threads;
    private final DumpOutput out;
    private final long limit;
    private final Object taking = new Object();
    private final List<DumpSummary> parts = new ArrayList<>();
    /** The number of the batch that is taken next. */
    private int next;

    private int turn;
    private Throwable failure;
    /** How many bytes there is room for; for who has the turn. */
    private long room;
    /** How many lines of objects were written, and how many bytes in all, where there is a limit; likewise. */
    private long objects;

    private long bytes;
    /** Set once a line had no room: then no more is written. */
    private volatile boolean full;
    /** How many objects may have had lines then. */
    private long left;

    /**
     * Prepares to write.
     *
     * @param source what is written
     * @param threads how many threads write, see {@link #threads}
     * @param out where the lines go
     * @param limit how many bytes may go there, {@link DumpLimit#NONE} for any number
     */
    public LineBatches(Source source, int threads, DumpOutput out, long limit) {
        this.source = source;
        this.threads = threads;
        this.out = out;
        this.limit = limit;
        this.room = limit;
    }

    /**
     * How many threads are worth while.
     *
     * @param most how many at most, as there is not more to do
     * @return from one to what the machine has processors for
     */
    public static int threads(long most) {
        return Math.clamp(most, 1, Math.min(Runtime.getRuntime().availableProcessors(), MOST_THREADS));
    }

    /**
     * Writes lines that come before all others, in this thread.
     *
     * @param writer writes them to the stream that it is given
     * @param unwritten what to return if not all of them have room
     * @param <T> what it returns
     * @return what the writer returns
     * @throws UncheckedIOException if writing fails
     */
    public <T> T head(Function<OutputStream, T> writer, T unwritten) {
        if (limit == DumpLimit.NONE) {
            return writer.apply(out.stream());
        }
        try (Arena arena = Arena.ofConfined();
                BoundedLines lines = new BoundedLines(out.buffer(CAPACITY, arena))) {
            lines.begin(0, 0);
            T written = writer.apply(lines);
            lines.endHead();
            return written;
        } catch (Ended e) {
            left = source.from(0);
            return unwritten;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            // Those were no objects.
            objects = 0;
        }
    }

    /**
     * Whether the limit is reached: a line had no room.
     *
     * @return whether it is
     */
    public boolean full() {
        return full;
    }

    /**
     * Writes all batches, or what of them there is room for.
     *
     * @return what each thread has written, or made to be written
     * @throws UncheckedIOException if writing fails
     */
    public List<DumpSummary> write() {
        return write(threads);
    }

    /**
     * Goes on with batches that the source has told nothing of before; all is as above.
     *
     * @param some how many threads write
     * @return what each of these threads has written, or made to be written
     * @throws UncheckedIOException if writing fails
     */
    public List<DumpSummary> write(int some) {
        parts.clear();
        Crew.work("dump", some, _ -> work());
        switch (failure) {
            case null -> {
                return List.copyOf(parts);
            }
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case IOException e -> throw new UncheckedIOException(e);
            default -> throw new IllegalStateException(failure);
        }
    }

    /**
     * What was written in all.
     *
     * @param summaries what each thread has written, or made to be written
     * @return the summary of all
     */
    public DumpSummary summary(List<DumpSummary> summaries) {
        DumpSummary all = DumpSummary.of(summaries);
        return full ? all.cut(objects, bytes, left) : all;
    }

    private void work() {
        try (Arena arena = Arena.ofConfined();
                Lines lines = limit == DumpLimit.NONE
                        ? new Lines(out.buffer(CAPACITY, arena))
                        : new BoundedLines(out.buffer(CAPACITY, arena));
                Writer writer = source.writer(lines)) {
            try {
                for (int number; !full && (number = take(writer)) >= 0; ) {
                    batch(writer, lines, number);
                }
            } catch (Ended e) {
                // What another thread threw is told, and so is the limit.
            }
            synchronized (this) {
                parts.add(writer.summary());
            }
        } catch (Throwable e) {
            fail(e);
        }
    }

    /** The number of the batch that a writer has taken; -1 if nothing is left. */
    private int take(Writer writer) {
        synchronized (taking) {
            return writer.take(next) ? next++ : -1;
        }
    }

    private void batch(Writer writer, Lines lines, int number) throws IOException {
        lines.begin(number, writer.objects());
        try {
            writer.write();
        } catch (DumpLimit.LineTooLong e) {
            lines.cut();
        }
        lines.end(writer.objects());
    }

    private synchronized void fail(Throwable e) {
        if (failure == null) {
            failure = e;
        }
        notifyAll();
    }

    private synchronized void await(int number) {
        boolean interrupted = false;
        while (turn != number && failure == null && !full) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure != null || full) {
            throw new Ended();
        }
    }

    /** Ends the dump at a line that has no room. For who has the turn. */
    private synchronized Ended fill(int number, long written) {
        left = source.from(number) - written;
        full = true;
        notifyAll();
        return new Ended();
    }

    private synchronized void passOn(int number) {
        turn = number + 1;
        source.done(turn);
        notifyAll();
    }

    /** Ends a thread because another has failed, or because the limit is reached. */
    private static final class Ended extends RuntimeException {
        private static final long serialVersionUID = 1;

        private Ended() {
            super(null, null, false, false);
        }
    }

    /** The lines of a batch. One that has more than there is room for waits for its turn and holds it until its end. */
    private class Lines extends OutputStream {
        final ByteBuffer buffer;
        int number;

        private Lines(ByteBuffer buffer) {
            this.buffer = buffer;
        }

        /**
         * Begins a batch.
         *
         * @param batch its number
         * @param made how many lines the thread has made before
         */
        void begin(int batch, long made) {
            number = batch;
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
                    makeRoom();
                }
                int some = Math.min(length - done, buffer.remaining());
                buffer.put(bytes, offset + done, some);
                done += some;
            }
        }

        /** Takes from the buffer what can't stay there. */
        void makeRoom() throws IOException {
            await(number);
            buffer.flip();
            out.write(buffer, out.place(buffer));
            buffer.clear();
        }

        /** Writes what is left. The next batch gets its place before that, and may be written meanwhile. */
        void end(long made) throws IOException {
            await(number);
            buffer.flip();
            long place = out.place(buffer);
            passOn(number);
            out.write(buffer, place);
        }

        /** Ends the dump before a line that was begun; the lines before it are written. */
        void cut() throws IOException {
            throw new IllegalStateException("there is no limit");
        }
    }

    /** The lines of a batch where the output has a limit: only whole lines go there, and none without room. */
    private final class BoundedLines extends Lines {
        /** The beginning of a line that the buffer has no room for. */
        private final SpilledLine spilled = new SpilledLine();
        /** How many lines were made before this batch, and how many of this one were written. */
        private long before;

        private long written;

        private BoundedLines(ByteBuffer buffer) {
            super(buffer);
        }

        @Override
        void begin(int batch, long made) {
            super.begin(batch, made);
            before = made;
            written = 0;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            if (full) {
                throw new Ended();
            }
            super.write(bytes, offset, length);
        }

        @Override
        void makeRoom() throws IOException {
            await(number);
            int whole = lastLine(buffer.position());
            if (whole > 0) {
                objects += put(whole);
            } else if (buffer.position() > room - spilled.length()) {
                throw fill(number, written);
            } else {
                spilled.add(buffer.flip());
                buffer.clear();
            }
        }

        @Override
        void end(long made) throws IOException {
            await(number);
            if (spilled.length() > 0 || buffer.position() > room) {
                objects += put(buffer.position());
                passOn(number);
                return;
            }
            objects += made - before - written;
            buffer.flip();
            take(buffer.remaining());
            long place = out.place(buffer);
            passOn(number);
            out.write(buffer, place);
        }

        /** Writes what is left of lines that come before all batches. */
        void endHead() throws IOException {
            put(buffer.position());
        }

        @Override
        void cut() throws IOException {
            await(number);
            int whole = lastLine(buffer.position());
            if (whole > 0) {
                objects += put(whole);
            }
            throw fill(number, written);
        }

        /**
         * Writes the whole lines at the beginning of the buffer, as many as there is room for, and moves the rest to
         * its beginning. The first line may have been spilled in part. Returns how many lines were written.
         *
         * @throws Ended if not all had room; those that had are written and counted
         */
        private long put(int whole) throws IOException {
            long fits = room - spilled.length();
            int some = whole <= fits ? whole : lastLine((int) Math.max(0, fits));
            if (some > 0) {
                take(spilled.length() + some);
                spilled.moveTo(out);
                ByteBuffer lines = buffer.duplicate().position(0).limit(some);
                out.write(lines, out.place(lines));
            }
            long count = count(some);
            written += count;
            if (some < whole) {
                objects += count;
                throw fill(number, written);
            }
            buffer.flip().position(some);
            buffer.compact();
            return count;
        }

        private void take(long length) {
            room -= length;
            bytes += length;
        }

        /** Where the last line ends that ends before a place in the buffer, 0 if none does. */
        private int lastLine(int end) {
            int at = end;
            while (at > 0 && buffer.get(at - 1) != '\n') {
                at--;
            }
            return at;
        }

        private long count(int end) {
            long count = 0;
            for (int at = 0; at < end; at++) {
                count += buffer.get(at) == '\n' ? 1 : 0;
            }
            return count;
        }

        @Override
        public void close() throws IOException {
            spilled.close();
        }
    }
}
