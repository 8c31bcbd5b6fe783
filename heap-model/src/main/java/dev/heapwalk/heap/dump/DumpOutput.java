// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.dump;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * Where the lines of a dump go. A stream gets them one batch after the other. Into a file several threads write at
 * once, each batch to its place, and nothing is copied on the way.
 */
public abstract sealed class DumpOutput {
    private DumpOutput() {}

    /**
     * Writes to a stream.
     *
     * @param stream it needs no buffer of its own, and is neither flushed nor closed
     * @return the output
     */
    public static DumpOutput to(OutputStream stream) {
        return new Stream(stream);
    }

    /**
     * Writes to a file, from its present position on.
     *
     * @param file a channel that was not opened to append; its position is not moved, and it is not closed
     * @return the output
     * @throws IOException if the position can't be told
     */
    public static DumpOutput to(FileChannel file) throws IOException {
        return new Places(file, file.position());
    }

    /** Memory for lines that are yet to be written, in the form that is written without a copy. */
    abstract ByteBuffer buffer(int capacity, Arena arena);

    /**
     * Gives bytes their place behind all that had theirs before; to be called in the order of the lines, by one thread
     * at a time. What it leaves in the buffer is for {@link #write}.
     */
    abstract long place(ByteBuffer bytes) throws IOException;

    /** Writes what {@link #place} has left, at the same time as other threads. */
    abstract void write(ByteBuffer bytes, long place) throws IOException;

    /** The output as a stream, for one thread while no other writes. */
    final OutputStream stream() {
        return new OutputStream() {
            @Override
            public void write(int one) throws IOException {
                write(new byte[] {(byte) one}, 0, 1);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                ByteBuffer buffer = ByteBuffer.wrap(bytes, offset, length);
                DumpOutput.this.write(buffer, place(buffer));
            }
        };
    }

    private static final class Stream extends DumpOutput {
        private final OutputStream out;

        private Stream(OutputStream out) {
            this.out = out;
        }

        @Override
        ByteBuffer buffer(int capacity, Arena arena) {
            return ByteBuffer.allocate(capacity);
        }

        @Override
        long place(ByteBuffer bytes) throws IOException {
            out.write(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
            bytes.position(bytes.limit());
            return 0;
        }

        @Override
        void write(ByteBuffer bytes, long place) {}
    }

    private static final class Places extends DumpOutput {
        private final FileChannel file;
        private long end;

        private Places(FileChannel file, long end) {
            this.file = file;
            this.end = end;
        }

        @Override
        ByteBuffer buffer(int capacity, Arena arena) {
            return arena.allocate(capacity).asByteBuffer();
        }

        @Override
        long place(ByteBuffer bytes) {
            long place = end;
            end += bytes.remaining();
            return place;
        }

        @Override
        void write(ByteBuffer bytes, long place) throws IOException {
            for (long at = place; bytes.hasRemaining(); ) {
                at += file.write(bytes, at);
            }
        }
    }
}
