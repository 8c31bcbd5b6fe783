// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.raw;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.ref.Cleaner;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

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

    private static final AtomicLong IN_USE = new AtomicLong();

    /** What segments are seen through. They keep it reachable; its end is the end of all of them. */
    private final Arena seen = Arena.ofShared();

    private final Memory memory = new Memory(Arena.ofShared(), new AtomicLong());
    private final Cleaner.Cleanable free = CLEANER.register(seen.scope(), memory);

    private final List<MemorySegment> allocated = new CopyOnWriteArrayList<>();

    /** What is freed in the end. Must not reach what it waits for. */
    private record Memory(Arena arena, AtomicLong bytes) implements Runnable {
        @Override
        public void run() {
            arena.close();
            IN_USE.addAndGet(-bytes.get());
        }
    }

    /** Makes an owner that has no memory yet. */
    public Buffers() {}

    /**
     * How much the buffers of all windows of this JVM take, which its own statistics leave out.
     *
     * @return bytes
     */
    public static long inUse() {
        return IN_USE.get();
    }

    /**
     * Allocates memory, filled with zeros, so that its pages are there.
     *
     * @param size bytes
     * @param alignment a power of two
     * @return a segment, good until {@link #close()}
     */
    @Override
    public MemorySegment allocate(long size, long alignment) {
        MemorySegment segment = memory.arena().allocate(size, alignment);
        memory.bytes().addAndGet(size);
        IN_USE.addAndGet(size);
        if (Checks.ON) {
            allocated.add(segment);
        }
        return segment.reinterpret(seen, null);
    }

    /**
     * Whether local memory is of these buffers. Known only where {@link Checks} are on.
     *
     * @param local a local address
     * @return whether it is
     */
    public boolean contains(long local) {
        for (MemorySegment segment : allocated) {
            long offset = local - segment.address();
            if (offset >= 0 && offset < segment.byteSize()) {
                return true;
            }
        }
        return false;
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
