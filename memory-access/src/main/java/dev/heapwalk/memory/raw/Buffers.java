// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.raw;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.ref.Cleaner;

/**
 * Local memory that is freed when its owner says so, or else by the garbage collector when neither the owner nor a
 * segment of it can be reached any more. An {@link Arena} offers one of the two. So a window that is closed gives its
 * buffers back at once, and one that was forgotten does so sooner or later, but never under somebody's hands: after
 * {@link #close()} every look at a segment of it throws an {@link IllegalStateException}.
 *
 * <p>Reads by address ask nobody, so who reads so must be the owner, and must not do it after it closed them.
 */
public final class Buffers implements SegmentAllocator, AutoCloseable {
    private static final Cleaner CLEANER = Cleaner.create(
            action -> Thread.ofPlatform().daemon().name("heapwalk buffers").unstarted(action));

    /** What segments are seen through. They keep it reachable; its end is the end of all of them. */
    private final Arena seen = Arena.ofShared();

    private final Memory memory = new Memory(Arena.ofShared());
    private final Cleaner.Cleanable free = CLEANER.register(seen.scope(), memory);

    /** What is freed in the end. Must not reach what it waits for. */
    private record Memory(Arena arena) implements Runnable {
        @Override
        public void run() {
            arena.close();
        }
    }

    /** Makes an owner that has no memory yet. */
    public Buffers() {}

    /**
     * Allocates memory, filled with zeros, so that its pages are there.
     *
     * @param size bytes
     * @param alignment a power of two
     * @return a segment, good until {@link #close()}
     */
    @Override
    public MemorySegment allocate(long size, long alignment) {
        return memory.arena().allocate(size, alignment).reinterpret(seen, null);
    }

    /** Frees all. A second call does nothing. */
    @Override
    public void close() {
        if (seen.scope().isAlive()) {
            seen.close();
            free.clean();
        }
    }
}
