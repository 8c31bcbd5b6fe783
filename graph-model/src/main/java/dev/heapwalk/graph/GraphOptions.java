// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import java.nio.file.Path;
import java.util.Objects;

/**
 * What a graph may take. Its tables lie outside the Java heap.
 *
 * @param memory how many bytes of memory its tables may take; what goes beyond lies in temporary files that are mapped,
 *     so that the kernel writes out what is not in use
 * @param folder where these files are made; nobody sees them there, since each is deleted as soon as it is open
 * @param threads how many threads build it, at least one
 */
public record GraphOptions(long memory, Path folder, int threads) {
    private static final long DEFAULT_MEMORY = 2L << 30;
    private static final int MOST_THREADS = 4;

    /** What is used unless something else is asked for: 2 GiB, {@code java.io.tmpdir}, and up to four threads. */
    public static final GraphOptions DEFAULT = new GraphOptions(
            DEFAULT_MEMORY,
            Path.of(System.getProperty("java.io.tmpdir")),
            Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors()));

    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if there would be no thread, or less than no memory
     */
    public GraphOptions {
        Objects.requireNonNull(folder);
        if (memory < 0 || threads < 1) {
            throw new IllegalArgumentException(
                    "a graph needs memory and a thread, not %d bytes and %d threads".formatted(memory, threads));
        }
    }

    /**
     * The same with another limit.
     *
     * @param bytes how much memory its tables may take
     * @return new options
     */
    public GraphOptions withMemory(long bytes) {
        return new GraphOptions(bytes, folder, threads);
    }

    /**
     * The same with another number of threads.
     *
     * @param count how many threads build it
     * @return new options
     */
    public GraphOptions withThreads(int count) {
        return new GraphOptions(memory, folder, count);
    }
}
