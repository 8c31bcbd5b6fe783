// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.usage;

import dev.heapwalk.malloc.ChunkCursor;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.memory.Window;

/**
 * Says what a used chunk is used for. Implementations are found by {@link java.util.ServiceLoader} and asked in the
 * order of {@link #priority()}; the first that knows decides.
 */
public interface Categorizer {

    /**
     * Makes itself ready for a heap. Called again where a process that runs on is sampled, with its heap as it is then.
     *
     * @param heap the heap that will be asked about
     * @return whether it has anything to say about this target
     */
    boolean prepare(MallocHeap heap);

    /**
     * The order of asking.
     *
     * @return a smaller number is asked earlier
     */
    int priority();

    /**
     * Names the use of a used chunk.
     *
     * @param chunk the cursor at the chunk; not to be moved
     * @param window a window to read the chunk's content with
     * @return the category, the same object for the same use where possible, or null if it does not know
     */
    Category categorize(ChunkCursor chunk, Window window);
}
