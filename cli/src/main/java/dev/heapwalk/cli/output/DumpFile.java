// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.dump.DumpOutput;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.function.Function;

/**
 * Where a dump goes. A file gets its name when all of it is there, and nobody but its owner may read it. A pipe, a
 * device, and what this process was started with ({@code /dev/stdout}, {@code >(command)}) are written in place.
 *
 * <p>While the target stands still nothing waits for a reader of the output or for a compressor: what can't be written
 * at once is kept in a {@link Spool} until {@link #finish}, unless nobody {@linkplain #passOn waits} for its end.
 */
public final class DumpFile implements AutoCloseable {
    /** What is asked for; null for standard output. */
    private final Path file;

    private final boolean packed;
    /** Null where a file is made. */
    private final DirectOutput direct;
    /** Null where there is something to write to in place. */
    private final NewFile made;
    /** Null where everything can be written at once. */
    private Spool spool;
    /** Why nothing more is passed on; null while all is. */
    private Output.WriteException left;

    private DumpFile(Path file, Outlet outlet) {
        this.file = file;
        this.packed = file != null && file.toString().endsWith(".gz");
        this.direct = outlet.direct();
        this.made = outlet.made();
        this.spool = outlet.regular() && !packed ? null : new Spool();
    }

    /**
     * Prepares to write.
     *
     * @param wanted the file, gzip if its name ends in {@code .gz}; null for standard output
     * @throws RefusedException if another user has a hand in where that leads
     */
    public static DumpFile to(Path wanted) {
        return new DumpFile(wanted, Outlet.of(wanted));
    }

    private static UncheckedIOException failure(Path file, IOException e) {
        return KeptFile.failure("write", file, e);
    }

    /** Whether a dump that was written can be taken back: nobody has it yet. */
    public boolean keeps() {
        return spool != null || made != null;
    }

    /**
     * Notes that no process stands still while the dump is made, as where a copy or a core is read: then whoever reads
     * the output gets it as it is made, and it can't be taken back.
     */
    public void passOn() {
        if (spool != null && direct != null && !packed && !(direct instanceof StandardOutput && Terminal.output())) {
            spool.close();
            spool = null;
        }
    }

    /** Has the dump written, while the target is read. One that was written before is taken back, if it can be. */
    public <T> T writing(Function<DumpOutput, T> dump) {
        if (spool != null) {
            spool.close();
            spool = new Spool();
            return dump.apply(DumpOutput.to(spool));
        }
        if (made == null) {
            try {
                return dump.apply(DumpOutput.to(new Passed()));
            } catch (Output.WriteException e) {
                throw named(e);
            }
        }
        try {
            made.channel().truncate(0);
            return dump.apply(DumpOutput.to(made.channel()));
        } catch (UncheckedIOException e) {
            throw failure(file, e.getCause());
        } catch (IOException e) {
            throw failure(file, e);
        }
    }

    /**
     * Writes what was kept back, and gives the file its name.
     *
     * @throws RefusedException if another user has changed the folder, so that the name is not this file's
     */
    public void finish() {
        try {
            if (left != null) {
                throw left;
            }
            if (spool != null) {
                transfer();
            }
            if (made != null) {
                made.complete();
            }
        } catch (Output.WriteException e) {
            throw named(e);
        } catch (IOException e) {
            throw failure(file, e);
        }
    }

    private UncheckedIOException named(Output.WriteException e) {
        return file == null || e.closedPipe() ? e : failure(file, e.reason());
    }

    /** Passes on what is written in place, and drops the rest when its reader has left: {@link #finish} says so. */
    private final class Passed extends OutputStream {
        @Override
        public void write(int value) {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) {
            if (left != null) {
                return;
            }
            try {
                direct.write(bytes, offset, length);
            } catch (Output.WriteException e) {
                if (!e.closedPipe()) {
                    throw e;
                }
                left = e;
            }
        }
    }

    private void transfer() throws IOException {
        try (OutputStream plain = made == null ? direct : Channels.newOutputStream(made.channel());
                OutputStream out = packed ? new FastGzip(plain) : plain) {
            spool.transferTo(out);
        }
    }

    /** How many bytes of the dump were taken by whoever reads it: all, unless it is written in place as it is. */
    public long taken() {
        return direct == null || packed ? Long.MAX_VALUE : direct.taken();
    }

    /** Whether a part of the dump has been given away: it is written in place, to whoever reads it. */
    public boolean partly() {
        return taken() > 0 && taken() < Long.MAX_VALUE;
    }

    @Override
    public void close() {
        try {
            if (spool != null) {
                spool.close();
            }
            if (direct != null) {
                direct.close();
            }
        } catch (IOException e) {
            throw failure(file, e);
        } finally {
            if (made != null) {
                made.close();
            }
        }
    }
}
