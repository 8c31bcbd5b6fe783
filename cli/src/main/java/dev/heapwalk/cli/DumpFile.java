// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;

/**
 * Where a dump goes. A file gets its name when all of it is there, and nobody but its owner may read it.
 *
 * <p>While the target stands still nothing waits for a reader of the output or for a compressor: what can't be written at once is
 * kept in a {@link Spool} until {@link #finish}.
 */
final class DumpFile implements AutoCloseable {
    private static final String GZIP = ".gz";

    /** The file that is asked for; null for standard output. */
    private final Path file;
    /** The file under another name; null where there is none. */
    private final Path temporary;

    private final Spool spool;
    private final OutputStream stream;
    private final Thread atShutdown;
    private boolean finished;

    private DumpFile(Path file, Path temporary, Spool spool, OutputStream stream) {
        this.file = file;
        this.temporary = temporary;
        this.spool = spool;
        this.stream = stream;
        // Ctrl-C ends us without close().
        atShutdown = new Thread(this::discard, "remove what is half written");
        Runtime.getRuntime().addShutdownHook(atShutdown);
    }

    /**
     * Prepares to write.
     *
     * @param wanted the file, gzip if its name ends in {@code .gz}; null for standard output
     */
    static DumpFile to(Path wanted) {
        if (wanted == null) {
            boolean waitsForNobody = Files.isRegularFile(Path.of("/proc/self/fd/1"));
            Spool spool = waitsForNobody ? null : new Spool();
            return new DumpFile(null, null, spool, waitsForNobody ? new StandardOutput() : into(spool));
        }
        try {
            Path file = Files.exists(wanted) ? wanted.toRealPath() : wanted.toAbsolutePath();
            if (Files.isDirectory(file)) {
                throw new IOException("it is a folder");
            }
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                // A device or a pipe has no other name to be written under.
                Spool spool = new Spool();
                return new DumpFile(file, null, spool, into(spool));
            }
            Path temporary = Files.createTempFile(file.getParent(), "." + file.getFileName() + ".", ".part");
            if (file.toString().endsWith(GZIP)) {
                Spool spool = new Spool();
                return new DumpFile(file, temporary, spool, into(spool));
            }
            return new DumpFile(file, temporary, null, new Named(new FileOutputStream(temporary.toFile()), file));
        } catch (IOException e) {
            throw failure(wanted, e);
        }
    }

    private static UncheckedIOException failure(Path file, IOException e) {
        String reason =
                switch (e) {
                    case NoSuchFileException none -> "there is no such folder";
                    case AccessDeniedException denied -> "permission denied";
                    case FileSystemException other when other.getReason() != null -> other.getReason();
                    default -> e.getMessage();
                };
        return new UncheckedIOException(new IOException("can't write " + file + ": " + reason, e));
    }

    private static OutputStream into(Spool spool) {
        return new OutputStream() {
            @Override
            public void write(int value) {
                spool.put(value);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) {
                spool.bytes(bytes, offset, length);
            }
        };
    }

    /** A stream whose failures name its file. */
    private static final class Named extends OutputStream {
        private final OutputStream stream;
        private final Path file;

        Named(OutputStream stream, Path file) {
            this.stream = stream;
            this.file = file;
        }

        @Override
        public void write(int value) {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) {
            try {
                stream.write(bytes, offset, length);
            } catch (IOException e) {
                throw failure(file, e);
            }
        }

        @Override
        public void close() {
            try {
                stream.close();
            } catch (IOException e) {
                throw failure(file, e);
            }
        }
    }

    /** What the dump is written to, while the target is read. It has no buffer. */
    OutputStream stream() {
        return stream;
    }

    /** Writes what was kept back, and gives the file its name. */
    void finish() {
        try {
            if (file == null) {
                if (spool != null) {
                    spool.transferTo(new StandardOutput());
                }
            } else {
                if (spool != null) {
                    transfer();
                }
                stream.close();
                if (temporary != null) {
                    move();
                }
            }
            finished = true;
        } catch (IOException e) {
            throw failure(file, e);
        }
    }

    private void transfer() throws IOException {
        Path to = temporary == null ? file : temporary;
        try (OutputStream plain = new FileOutputStream(to.toFile())) {
            if (file.toString().endsWith(GZIP)) {
                try (OutputStream packed = new Fast(plain)) {
                    spool.transferTo(packed);
                }
            } else {
                spool.transferTo(plain);
            }
        }
    }

    /** Compresses at the speed of a disk rather than as much as it can. */
    private static final class Fast extends GZIPOutputStream {
        Fast(OutputStream out) throws IOException {
            super(out, 1 << 16);
            def.setLevel(Deflater.BEST_SPEED);
        }
    }

    private void move() throws IOException {
        try {
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private void discard() {
        if (!finished && temporary != null) {
            try {
                Files.deleteIfExists(temporary);
            } catch (IOException e) {
                // It stays, under a name that tells what it is.
            }
        }
    }

    @Override
    public void close() {
        try {
            if (spool != null) {
                spool.close();
            }
            if (file != null) {
                stream.close();
            }
        } catch (IOException e) {
            throw failure(file, e);
        } finally {
            discard();
            try {
                Runtime.getRuntime().removeShutdownHook(atShutdown);
            } catch (IllegalStateException e) {
                // The JVM is shutting down, and the hook has run or will.
            }
        }
    }
}
