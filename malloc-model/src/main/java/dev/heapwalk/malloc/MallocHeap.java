// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.Target;
import java.util.List;

/**
 * The heap of glibc's malloc in one target, as it was when it was located.
 *
 * <p>Finding it needs no debug symbols, no version and no file on disk; symbols are used where there are some, and what
 * they say is checked against the structures themselves.
 */
public final class MallocHeap {

    private MallocHeap() {}

    /** Whether symbols may be used for the discovery. */
    public enum Symbols {
        /** Use them where there are some, and check them. */
        USE,
        /** Find everything by structure, as for a stripped target. */
        IGNORE
    }

    /**
     * Finds the heap of a target.
     *
     * @param target an open target; it must stay open while the heap is used
     * @return the heap; one without arenas if the process has not allocated yet
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no glibc malloc in the target; the message says
     *     what was found instead
     */
    public static MallocHeap locate(Target target) {
        return locate(target, Symbols.USE);
    }

    /**
     * Finds the heap of a target.
     *
     * @param target an open target; it must stay open while the heap is used
     * @param symbols whether to use symbols
     * @return the heap
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no glibc malloc in the target
     */
    public static MallocHeap locate(Target target, Symbols symbols) {
        throw new UnsupportedOperationException();
    }

    /**
     * The target that the heap lies in.
     *
     * @return the target that was given to {@link #locate(Target)}
     */
    public Target target() {
        throw new UnsupportedOperationException();
    }

    /**
     * What the conclusions rest on, in the order in which they were drawn.
     *
     * @return an unmodifiable list
     */
    public List<Evidence> evidence() {
        throw new UnsupportedOperationException();
    }

    /**
     * The arenas, the main arena first, then along the ring.
     *
     * @return an unmodifiable list; empty if nothing was ever allocated
     */
    public List<Arena> arenas() {
        throw new UnsupportedOperationException();
    }

    /**
     * Counts what the bins of an arena hold, by walking their lists.
     *
     * @param arena one of {@link #arenas()}
     * @return the bins that hold a chunk: fastbins, unsorted, small, large
     */
    public List<Bin> bins(Arena arena) {
        throw new UnsupportedOperationException();
    }

    /**
     * The thread caches that were found.
     *
     * @return an unmodifiable list
     */
    public List<ThreadCache> threadCaches() {
        throw new UnsupportedOperationException();
    }

    /**
     * The chunks that were mapped on their own, and how sure it is that these are all.
     *
     * @return what was found
     */
    public MmappedChunks mmapped() {
        throw new UnsupportedOperationException();
    }

    /**
     * Walks every chunk of every arena and every mmapped chunk in address order.
     *
     * @return a new cursor, for one thread
     */
    public ChunkCursor chunks() {
        throw new UnsupportedOperationException();
    }

    /**
     * Walks every chunk of one arena in address order.
     *
     * @param arena one of {@link #arenas()}
     * @return a new cursor, for one thread
     */
    public ChunkCursor chunks(Arena arena) {
        throw new UnsupportedOperationException();
    }

    /**
     * What was found to be damaged, or could not be read, while the heap was located: rings, lists, caches. A cursor has
     * its own list of what it met.
     *
     * @return an unmodifiable list
     */
    public List<Corruption> corruptions() {
        throw new UnsupportedOperationException();
    }
}
