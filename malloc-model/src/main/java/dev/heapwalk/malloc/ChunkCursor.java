// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import java.util.List;

/**
 * Walks chunks in address order. A flyweight that moves: it allocates nothing for a chunk, and what it says is good until
 * the next {@link #next()}.
 *
 * <p>Damage ends neither in an exception nor in a loop: it is recorded, and the walk goes on at the next place where the
 * structure allows.
 */
public final class ChunkCursor {

    ChunkCursor() {}

    /**
     * Moves to the next chunk.
     *
     * @return whether there is one
     */
    public boolean next() {
        throw new UnsupportedOperationException();
    }

    /**
     * Where the chunk begins.
     *
     * @return target address of its {@code malloc_chunk}
     */
    public long address() {
        throw new UnsupportedOperationException();
    }

    /**
     * What malloc returned for it, or would return.
     *
     * @return a target address, 16 bytes behind {@link #address()}
     */
    public long userAddress() {
        throw new UnsupportedOperationException();
    }

    /**
     * The size of the chunk with its header, without the flag bits; for an mmapped chunk as its header has it.
     *
     * @return bytes
     */
    public long size() {
        throw new UnsupportedOperationException();
    }

    /**
     * How many bytes the program may use. C name {@code malloc_usable_size}.
     *
     * @return bytes
     */
    public long usableSize() {
        throw new UnsupportedOperationException();
    }

    /**
     * What malloc holds it for.
     *
     * @return the state
     */
    public ChunkState state() {
        throw new UnsupportedOperationException();
    }

    /**
     * Whether it was mapped on its own.
     *
     * @return whether {@code IS_MMAPPED} is set
     */
    public boolean mmapped() {
        throw new UnsupportedOperationException();
    }

    /**
     * The arena it belongs to.
     *
     * @return an index into {@link MallocHeap#arenas()}, -1 for an mmapped chunk
     */
    public int arena() {
        throw new UnsupportedOperationException();
    }

    /**
     * How many bytes of the walk lie behind the cursor.
     *
     * @return bytes, from 0 to {@link #totalBytes()}
     */
    public long walkedBytes() {
        throw new UnsupportedOperationException();
    }

    /**
     * How many bytes the walk has in all.
     *
     * @return bytes
     */
    public long totalBytes() {
        throw new UnsupportedOperationException();
    }

    /**
     * What the cursor met that was damaged or could not be read.
     *
     * @return the list so far
     */
    public List<Corruption> corruptions() {
        throw new UnsupportedOperationException();
    }
}
