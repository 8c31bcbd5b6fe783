// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.ruby.dump.DumpOutput;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.function.Function;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;

/**
 * Where a dump goes. A file gets its name when all of it is there, and nobody but its owner may read it.
 *
 * <p>While the target stands still nothing waits for a reader of the output or for a compressor: what can't be written
 * at once is kept in a {@link Spool} until {@link #finish}.
 */
public final class DumpFile implements AutoCloseable {
    /** The file that is asked for; null for standard output. */
    private final Path file;
    /**
     * The file under another name; null for standard output, for a device or a pipe, which has no other, and before
     * there is one.
     */
    private Path temporary;

    private final boolean packed;
    private final StandardOutput standardOutput = new StandardOutput();
    /** Null where a file is written at once. */
    private final Spool spool;
    /**
     * The temporary file, from its beginning to its end: opened again when the JVM ends, it would be made again behind
     * the back of who removes it. Null where there is none.
     */
    private final FileChannel channel;

    private final AtExit atExit;
    private boolean finished;
    private boolean ended;

    private DumpFile(Path file, boolean named) throws IOException {
        this.file = file;
        this.packed = file != null && file.toString().endsWith(".gz");
        boolean waitsForNobody = file == null ? Files.isRegularFile(Path.of("/proc/self/fd/1")) : named && !packed;
        this.spool = waitsForNobody ? null : new Spool();
        // Before there is anything to remove, so that nothing is left whenever the JVM ends.
        this.atExit = new AtExit("remove what is half written", this::end);
        this.channel = named ? openTemporary() : null;
    }

    private synchronized FileChannel openTemporary() throws IOException {
        if (ended) {
            throw new IOException("the command is ending");
        }
        temporary = Files.createTempFile(file.getParent(), "." + file.getFileName() + ".", ".part");
        return FileChannel.open(temporary, StandardOpenOption.WRITE);
    }

    private synchronized void end() {
        ended = true;
        discard();
    }

    /**
     * Prepares to write.
     *
     * @param wanted the file, gzip if its name ends in {@code .gz}; null for standard output
     */
    public static DumpFile to(Path wanted) {
        try {
            if (wanted == null) {
                return new DumpFile(null, false);
            }
            Path file = Files.exists(wanted) ? wanted.toRealPath() : wanted.toAbsolutePath();
            if (Files.isDirectory(file)) {
                throw new IOException("it is a folder");
            }
            boolean other = Files.exists(file) && !Files.isRegularFile(file);
            return new DumpFile(file, !other);
        } catch (IOException e) {
            throw failure(wanted, e);
        }
    }

    private static UncheckedIOException failure(Path file, IOException e) {
        String reason = switch (e) {
            case NoSuchFileException none -> "there is no such folder";
            case AccessDeniedException denied -> "permission denied";
            case FileSystemException other when other.getReason() != null -> other.getReason();
            default -> e.getMessage();
        };
        return new UncheckedIOException(new IOException("can't write " + file + ": " + reason, e));
    }

    /** Has the dump written, while the target is read. */
    public <T> T writing(Function<DumpOutput, T> dump) {
        if (spool != null || file == null) {
            return dump.apply(DumpOutput.to(spool == null ? standardOutput : spool));
        }
        try {
            return dump.apply(DumpOutput.to(channel));
        } catch (UncheckedIOException e) {
            throw failure(file, e.getCause());
        } catch (IOException e) {
            throw failure(file, e);
        }
    }

    /** Writes what was kept back, and gives the file its name. */
    public void finish() {
        try {
            if (file == null) {
                if (spool != null) {
                    spool.transferTo(standardOutput);
                }
            } else {
                if (spool == null) {
                    channel.close();
                } else {
                    transfer();
                }
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
        try (OutputStream plain =
                        channel == null ? new FileOutputStream(file.toFile()) : Channels.newOutputStream(channel);
                OutputStream out = packed ? new Fast(plain) : plain) {
            spool.transferTo(out);
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

    /** How many bytes of the dump were taken by whoever reads it: all, unless it is standard output. */
    public long taken() {
        return file == null ? standardOutput.taken() : Long.MAX_VALUE;
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
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            throw failure(file, e);
        } finally {
            discard();
            atExit.close();
        }
    }
}
