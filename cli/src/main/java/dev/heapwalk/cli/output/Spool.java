// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A queue of bytes and packed numbers that is written once and then read as often as needed. It keeps the first 32 MiB
 * in memory and puts the rest into a temporary file without a name, so that a listing of any length needs bounded
 * memory while the target stands still, and never waits for whoever reads the output.
 */
public final class Spool extends OutputStream {
    private static final int BLOCK = 1 << 20;
    private static final int BLOCKS_IN_MEMORY = 32;
    private static final int MOST_TRIES = 100;
    private static final Set<StandardOpenOption> HOW = Set.of(
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE);
    private static final FileAttribute<Set<PosixFilePermission>> FOR_ITS_OWNER =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private final Path folder;
    private final byte[][] blocks = new byte[BLOCKS_IN_MEMORY][];
    private int blockCount;
    private byte[] block = new byte[BLOCK];
    private int used;
    private FileChannel file;
    private long fileLength;

    /** Puts what does not fit into memory into the JVM's temporary folder. */
    public Spool() {
        this(Path.of(System.getProperty("java.io.tmpdir")));
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

    private void store() {
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
                file = nameless();
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

    /** A file that is made and loses its name in one go: it is never opened by a name that another may have taken. */
    private FileChannel nameless() throws IOException {
        for (int tries = 1; ; tries++) {
            long number = ThreadLocalRandom.current().nextLong(Long.MAX_VALUE);
            try {
                return FileChannel.open(folder.resolve("heapwalk" + number + ".spool"), HOW, FOR_ITS_OWNER);
            } catch (FileAlreadyExistsException e) {
                if (tries == MOST_TRIES) {
                    throw e;
                }
            }
        }
    }

    /** A reader that begins at the first byte; nothing may be written any more. */
    public Reader reader() {
        return new Reader();
    }

    @Override
    public void close() {
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
        ByteBuffer target = ByteBuffer.wrap(copy, 0, (int) Math.min(BLOCK, fileLength - position));
        while (target.hasRemaining()) {
            if (file.read(target, position + target.position()) < 0) {
                throw new EOFException("the temporary file of rows was cut");
            }
        }
        return target.limit();
    }

    /** Reads what was written, in the same order. */
    public final class Reader {
        private final byte[] copy = file == null ? null : new byte[BLOCK];
        private byte[] from = blockCount > 0 ? blocks[0] : block;
        private int end = blockCount > 0 ? BLOCK : used;
        private int at;
        private int nextBlock = 1;
        private long filePosition;
        private boolean last = blockCount == 0;

        public int get() {
            if (at == end) {
                advance();
            }
            return from[at++] & 0xff;
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

        private void advance() {
            at = 0;
            if (nextBlock < blockCount) {
                from = blocks[nextBlock++];
                end = BLOCK;
            } else if (filePosition < fileLength) {
                from = copy;
                end = fill();
                filePosition += end;
            } else if (!last) {
                last = true;
                from = block;
                end = used;
            } else {
                throw new IllegalStateException("read beyond the end of the rows");
            }
        }

        private int fill() {
            try {
                return Spool.this.fill(copy, filePosition);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
