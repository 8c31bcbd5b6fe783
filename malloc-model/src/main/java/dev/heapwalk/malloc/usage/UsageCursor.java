// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.usage;

import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.MallocHeap;

/** Walks chunks in address order and says what each is used for. */
public final class UsageCursor {

    private UsageCursor() {}

    /**
     * Walks a heap.
     *
     * @param heap the heap
     * @return a new cursor over all its chunks
     */
    public static UsageCursor over(MallocHeap heap) {
        return over(heap, heap.chunks());
    }

    /**
     * Walks the chunks of a cursor.
     *
     * @param heap the heap
     * @param chunks a new cursor of that heap, moved by this one from now on
     * @return a new cursor
     */
    public static UsageCursor over(MallocHeap heap, ChunkCursor chunks) {
        throw new UnsupportedOperationException();
    }

    /**
     * Moves to the next chunk.
     *
     * @return whether there is one
     */
    public boolean next() {
        throw new UnsupportedOperationException();
    }

    /**
     * The chunk.
     *
     * @return the cursor at it, not to be moved
     */
    public ChunkCursor chunk() {
        throw new UnsupportedOperationException();
    }

    /**
     * What it is used for.
     *
     * @return the category; null for a chunk that is not used
     */
    public Category category() {
        throw new UnsupportedOperationException();
    }
}
