// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.dump;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.UUID;

/**
 * Keeps a line that is too long for memory until it is known whether there is room for it. The file has no name once it
 * is made, so that nothing of it is left.
 */
final class SpilledLine implements AutoCloseable {
    private static final int PIECE = 1 << 20;

    private FileChannel file;
    private long length;

    /** How many bytes are kept. */
    long length() {
        return length;
    }

    /** Adds what is in a buffer. */
    void add(ByteBuffer bytes) throws IOException {
        try {
            if (file == null) {
                file = open();
            }
            while (bytes.hasRemaining()) {
                length += file.write(bytes, length);
            }
        } catch (IOException e) {
            throw new IOException(
                    "can't keep a long line in " + folder() + ": " + e.getMessage()
                            + " (TMPDIR may name another folder)",
                    e);
        }
    }

    private static String folder() {
        return System.getProperty("java.io.tmpdir");
    }

    private static FileChannel open() throws IOException {
        return FileChannel.open(
                Path.of(folder(), "heapwalk-" + UUID.randomUUID() + ".line"),
                Set.of(
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.DELETE_ON_CLOSE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    }

    /** Writes what is kept, in its turn, and keeps nothing any more. */
    void moveTo(DumpOutput out) throws IOException {
        ByteBuffer piece = length == 0 ? null : ByteBuffer.allocate((int) Math.min(PIECE, length));
        for (long done = 0; done < length; ) {
            piece.clear().limit((int) Math.min(piece.capacity(), length - done));
            int some = file.read(piece, done);
            if (some < 0) {
                throw new EOFException("the temporary file of a long line was cut");
            }
            piece.flip();
            out.write(piece, out.place(piece));
            done += some;
        }
        length = 0;
    }

    @Override
    public void close() throws IOException {
        if (file != null) {
            file.close();
        }
    }
}
