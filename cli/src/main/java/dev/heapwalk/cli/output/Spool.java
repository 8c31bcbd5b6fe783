// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * A queue of bytes and packed numbers that is written once and then read as often as needed. It keeps the first 32 MiB
 * in memory and puts the rest into a temporary file without a name, so that a listing of any length needs bounded
 * memory while the target stands still, and never waits for whoever reads the output.
 *
 * <p>One thread writes. Others may {@linkplain #follow read} what was {@linkplain #publish published} meanwhile.
 */
public final class Spool extends OutputStream {
    private static final int BLOCK = 1 << 20;
    private static final int BLOCKS_IN_MEMORY = 32;
    /** What a reader takes at once, in bytes. */
    private static final int PIECE = 1 << 14;
    /** How many times as long as it works a reader who follows waits, so that it hardly slows who writes. */
    private static final int PAUSES = 9;

    private static final long NANOS_A_MILLI = 1_000_000;

    private final Path folder;
    private final byte[][] blocks = new byte[BLOCKS_IN_MEMORY][];
    private int blockCount;
    private byte[] block = new byte[BLOCK];
    private int used;
    private FileChannel file;
    private long fileLength;
    /** How much may be read while more is written. */
    private long published;

    private boolean ended;

    /** Puts what does not fit into memory into the JVM's temporary folder. */
    public Spool() {
        this(NamelessFile.usualFolder());
    }

    Spool(Path folder) {
        this.folder = folder;
    }

    @Override
    public void write(int value) {
        if (used == BLOCK) {
            store();
        }
        block[used++] = (byte) value;
    }

    /** Writes a number that is mostly small: seven bits a byte. */
    public void number(long value) {
        long rest = value;
        while ((rest & ~0x7fL) != 0) {
            write((int) rest | 0x80);
            rest >>>= 7;
        }
        write((int) rest);
    }

    /** Writes a number that is mostly near zero, on either side. */
    public void signed(long value) {
        number(value << 1 ^ value >> 63);
    }

    @Override
    public void write(byte[] source, int offset, int length) {
        int done = 0;
        while (done < length) {
            if (used == BLOCK) {
                store();
            }
            int some = Math.min(length - done, BLOCK - used);
            System.arraycopy(source, offset + done, block, used, some);
            used += some;
            done += some;
        }
    }

    /** How many bytes were written. */
    public synchronized long length() {
        return (long) blockCount * BLOCK + fileLength + used;
    }

    /** Lets those who follow read what was written so far. */
    public synchronized void publish() {
        published = length();
        notifyAll();
    }

    /** Tells those who follow that nothing more is written. */
    public synchronized void end() {
        ended = true;
        publish();
    }

    private synchronized void store() {
        if (blockCount < BLOCKS_IN_MEMORY) {
            blocks[blockCount++] = block;
            block = new byte[BLOCK];
        } else {
            spill();
        }
        used = 0;
    }

    private void spill() {
        try {
            if (file == null) {
                file = NamelessFile.in(folder);
            }
            ByteBuffer rest = ByteBuffer.wrap(block, 0, used);
            while (rest.hasRemaining()) {
                fileLength += file.write(rest, fileLength);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(new IOException(
                    "can't keep the rows in " + folder + ": " + e.getMessage() + " (TMPDIR may name another folder)",
                    e));
        }
    }

    /** A reader that begins at the first byte; nothing may be written any more. */
    public Reader reader() {
        return reader(0);
    }

    /** A reader that begins at a byte; nothing may be written any more. */
    public Reader reader(long position) {
        return new Reader(position, length(), () -> {});
    }

    /**
     * A reader that begins at the first byte, and waits for what is yet to be written until {@link #end()} is called.
     * Up to then it takes little of a processor's time, which the writer may need.
     *
     * @param idle called each time before it waits
     */
    public Reader follow(Runnable idle) {
        return new Reader(0, -1, idle);
    }

    @Override
    public synchronized void close() {
        if (file != null) {
            try {
                file.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** Writes all of it to a stream; nothing may be put in any more. */
    public void transferTo(OutputStream out) throws IOException {
        for (int i = 0; i < blockCount; i++) {
            out.write(blocks[i]);
        }
        byte[] copy = file == null ? null : new byte[BLOCK];
        for (long position = 0; position < fileLength; ) {
            int length = fill(copy, position);
            out.write(copy, 0, length);
            position += length;
        }
        out.write(block, 0, used);
    }

    private int fill(byte[] copy, long position) throws IOException {
        ByteBuffer target = ByteBuffer.wrap(copy, 0, (int) Math.min(copy.length, fileLength - position));
        while (target.hasRemaining()) {
            if (file.read(target, position + target.position()) < 0) {
                throw new EOFException("the temporary file of rows was cut");
            }
        }
        return target.limit();
    }

    /** Copies what stands at a position, as much as one place has of it. */
    private synchronized int copy(long position, long most, byte[] into) {
        long inFile = position - (long) blockCount * BLOCK;
        byte[] from = block;
        int at = (int) (inFile - fileLength);
        if (inFile < 0) {
            from = blocks[(int) (position / BLOCK)];
            at = (int) (position % BLOCK);
        } else if (inFile < fileLength) {
            try {
                return (int) Math.min(most, fill(into, inFile));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        int some = (int) Math.min(Math.min(most, into.length), (from == block ? used : BLOCK) - at);
        System.arraycopy(from, at, into, 0, some);
        return some;
    }

    /**
     * Waits until something stands behind a position, and for some time unless nothing more is written. Returns the end
     * of what may be read.
     */
    private synchronized long await(long position, long nanos) {
        boolean interrupted = false;
        long until = System.nanoTime() + nanos;
        while (!ended) {
            long millis = (until - System.nanoTime()) / NANOS_A_MILLI;
            if (published > position && millis <= 0) {
                break;
            }
            try {
                wait(Math.max(0, millis));
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return published;
    }

    private synchronized boolean hasEnded() {
        return ended;
    }

    /** Reads what was written, in the same order. For one thread. */
    public final class Reader {
        private final byte[] copy = new byte[PIECE];
        private final Runnable idle;
        /** Where the reader ends, -1 if that is not known yet. */
        private final long limit;
        /** When it last got something, 0 for never. */
        private long begun;
        /** How much was copied, from the first byte of all. */
        private long position;

        private int end;
        private int at;

        private Reader(long position, long limit, Runnable idle) {
            this.position = position;
            this.limit = limit;
            this.idle = idle;
        }

        /** Whether there is another byte. Who follows waits for it. */
        public boolean more() {
            return at < end || advance();
        }

        public int get() {
            if (at == end && !advance()) {
                throw new IllegalStateException("read beyond the end of the rows");
            }
            return copy[at++] & 0xff;
        }

        public long number() {
            long value = 0;
            for (int shift = 0; ; shift += 7) {
                int next = get();
                value |= (long) (next & 0x7f) << shift;
                if (next < 0x80) {
                    return value;
                }
            }
        }

        public long signed() {
            long value = number();
            return value >>> 1 ^ -(value & 1);
        }

        private boolean advance() {
            long until = limit;
            if (limit < 0) {
                if (!hasEnded()) {
                    idle.run();
                }
                until = await(position, begun == 0 ? 0 : PAUSES * (System.nanoTime() - begun));
                begun = System.nanoTime();
            }
            at = 0;
            end = 0;
            if (position < until) {
                end = Spool.this.copy(position, until - position, copy);
                position += end;
            }
            return end > 0;
        }
    }
}
