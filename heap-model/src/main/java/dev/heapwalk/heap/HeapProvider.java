// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;

/**
 * Finds a kind of heap in targets. Implementations are found by {@link java.util.ServiceLoader}, see {@link
 * Heaps#providers()}; they keep nothing of a target, and any thread may call them.
 */
public interface HeapProvider {

    /**
     * The class of the heaps that it finds.
     *
     * @return the class of what {@link #locate} returns
     */
    Class<? extends Heap> type();

    /**
     * The layer of the heaps that it finds.
     *
     * @return {@link Heap#layer()} of what {@link #locate} returns
     */
    HeapLayer layer();

    /**
     * Whether a target is worth a {@link #locate}: a quick look, such as whether it has a module of some name. Where it
     * says no, nothing is said about this kind of heap.
     *
     * @param target an open target
     * @return whether there may be such a heap
     */
    boolean isLikely(Target target);

    /**
     * Tells which threads are in the middle of a change to such a heap, so that it can be read when none is. What takes
     * time is done here, and not when the process stands still.
     *
     * @param target an open target
     * @return what is asked after a stop; by default nothing is ever in the middle of a change
     */
    default Rest rest(Target target) {
        return Rest.ALWAYS;
    }

    /**
     * Finds the heap of a target.
     *
     * @param target an open target; it must stay open while the heap is used
     * @return the heap
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no such heap, or one that is not supported;
     *     the message says what was found instead
     */
    Heap locate(Target target);
}
