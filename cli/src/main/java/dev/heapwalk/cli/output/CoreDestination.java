// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.memory.core.CoreOutput;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;

/**
 * Where a core goes. A file gets its name when all of it is there, has holes where zeros are, and nobody but its owner
 * may read it. Pipes and devices are written in place.
 *
 * <p>While the target stands still nothing waits for a reader of the output or for a compressor: then the core is kept
 * in a file without a name until {@link #finish}.
 */
public final class CoreDestination implements AutoCloseable {
    private static final int BUFFER = 1 << 20;

    /** What is asked for; null for standard output. */
    private final Path file;

    private final Optional<Packing> packing;
    private final Outlet outlet;
    /** Null where nothing is kept back. */
    private FileChannel kept;

    private CoreDestination(Path file, Outlet outlet) {
        this.file = file;
        this.packing = file == null ? Optional.empty() : Packing.written(file.toString());
        this.outlet = outlet;
    }

    /**
     * Prepares to write.
     *
     * @param wanted the file, compressed if its name ends in {@code .gz} or {@code .zst}; null for standard output
     * @throws RefusedException if another user has a hand in where that leads
     */
    public static CoreDestination to(Path wanted) {
        return new CoreDestination(wanted, Outlet.of(wanted));
    }

    /**
     * Has the core written.
     *
     * @param standsStill whether a process stands still meanwhile
     * @param core writes it
     * @return what that returned
     */
    public <T> T writing(boolean standsStill, Function<CoreOutput, T> core) {
        try {
            if (standsStill && (packing.isPresent() || !outlet.regular())) {
                kept = NamelessFile.in(folder());
                return core.apply(CoreOutput.to(kept));
            }
            if (packing.isEmpty() && outlet.made() != null) {
                return core.apply(CoreOutput.to(outlet.made().channel()));
            }
            try (OutputStream out = stream()) {
                return core.apply(CoreOutput.to(out));
            }
        } catch (Output.WriteException e) {
            throw e.closedPipe() ? e : failure(e.reason());
        } catch (UncheckedIOException e) {
            throw failure(e.getCause());
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** Where there is room for a core, as far as is known. */
    private Path folder() {
        Path above = outlet.made() == null ? null : file.toAbsolutePath().getParent();
        return above == null ? NamelessFile.usualFolder() : above;
    }

    private OutputStream stream() throws IOException {
        OutputStream plain = outlet.made() == null
                ? outlet.direct()
                : Channels.newOutputStream(outlet.made().channel());
        return packing.isPresent() ? packing.get().pack(plain) : plain;
    }

    /**
     * Writes what was kept back, and gives the file its name.
     *
     * @throws RefusedException if another user has changed the folder, so that the name is not this file's
     */
    public void finish() {
        try {
            if (kept != null) {
                kept.position(0);
                try (InputStream core = Channels.newInputStream(kept);
                        OutputStream out = stream()) {
                    byte[] bytes = new byte[BUFFER];
                    for (int some; (some = core.read(bytes)) > 0; ) {
                        Interruption.check();
                        out.write(bytes, 0, some);
                    }
                }
            }
            if (outlet.made() != null) {
                outlet.made().complete();
            }
        } catch (Output.WriteException e) {
            throw e.closedPipe() ? e : failure(e.reason());
        } catch (IOException e) {
            throw failure(e);
        }
    }

    private UncheckedIOException failure(IOException e) {
        return KeptFile.failure("write", file == null ? Path.of("standard output") : file, e);
    }

    @Override
    public void close() {
        try {
            if (kept != null) {
                kept.close();
            }
            if (outlet.direct() != null) {
                outlet.direct().close();
            }
        } catch (IOException e) {
            throw failure(e);
        } finally {
            if (outlet.made() != null) {
                outlet.made().close();
            }
        }
    }
}
