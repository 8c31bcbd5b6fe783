// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.memory.raw.Buffers;
import dev.heapwalk.memory.raw.LocalArray;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/**
 * Where the tables of a graph lie: in memory outside the Java heap up to a limit, beyond it in files that nobody sees.
 * What is not freed is freed with all others. For any thread.
 */
final class Tables implements AutoCloseable {
    private static final int STEP = 1 << 20;

    private final GraphOptions options;
    private final Set<LocalArray> open = Collections.newSetFromMap(new IdentityHashMap<>());
    private long inMemory;
    private long inFiles;
    private long most;

    Tables(GraphOptions options) {
        this.options = options;
    }

    /** An array of numbers of some bytes each, all of them 0. */
    synchronized LocalArray make(long count, int width) {
        long bytes = Math.max(Long.BYTES, Math.multiplyExact(count, width));
        LocalArray made = inMemory + bytes <= options.memory() ? inMemory(bytes) : inFile(bytes);
        open.add(made);
        most = Math.max(most, inMemory + inFiles);
        return made;
    }

    LocalArray ints(long count) {
        return make(count, Integer.BYTES);
    }

    LocalArray longs(long count) {
        return make(count, Long.BYTES);
    }

    private LocalArray inMemory(long bytes) {
        Buffers buffers = new Buffers();
        MemorySegment segment;
        try {
            segment = buffers.allocate(bytes, Long.BYTES);
        } catch (OutOfMemoryError e) {
            // This JVM may have less outside its heap than the options say.
            buffers.close();
            return inFile(bytes);
        }
        inMemory += bytes;
        return new LocalArray(segment, false, () -> {
            inMemory -= bytes;
            buffers.close();
        });
    }

    private LocalArray inFile(long bytes) {
        Arena arena = Arena.ofShared();
        try {
            Path path = Files.createTempFile(options.folder(), "heapwalk", ".graph");
            MemorySegment segment;
            try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                Files.delete(path);
                // A full disk is told now, and not by the end of this JVM when a page is first written.
                ByteBuffer zeros = ByteBuffer.allocate(STEP);
                for (long at = 0; at < bytes; at += STEP) {
                    zeros.clear().limit((int) Math.min(STEP, bytes - at));
                    while (zeros.hasRemaining()) {
                        channel.write(zeros, at + zeros.position());
                    }
                }
                segment = channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
            } catch (IOException e) {
                Files.deleteIfExists(path);
                throw e;
            }
            inFiles += bytes;
            return new LocalArray(segment, true, () -> {
                inFiles -= bytes;
                arena.close();
            });
        } catch (IOException e) {
            arena.close();
            throw new UncheckedIOException(
                    "no room for %d bytes of a graph in %s, beyond %d bytes of memory: %s"
                            .formatted(bytes, options.folder(), options.memory(), e.getMessage()),
                    e);
        }
    }

    synchronized void free(LocalArray array) {
        if (open.remove(array)) {
            array.close();
        }
    }

    /** How much there is now. */
    synchronized long bytes() {
        return inMemory + inFiles;
    }

    /** How much of it lies in files. */
    synchronized long bytesInFiles() {
        return inFiles;
    }

    /** How much there was at most. */
    synchronized long mostBytes() {
        return most;
    }

    GraphOptions options() {
        return options;
    }

    @Override
    public synchronized void close() {
        open.forEach(LocalArray::close);
        open.clear();
    }
}
