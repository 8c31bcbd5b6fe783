// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import java.util.List;

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

    /**
     * Finds all heaps of this kind in a target. Most kinds have one heap in a target; a process may have several C
     * libraries, and each has its own.
     *
     * @param target an open target; it must stay open while the heaps are used
     * @return an unmodifiable list of at least one heap, the program's own first; of several each has a {@link
     *     Heap#name()} of its own
     * @throws dev.heapwalk.memory.UnsupportedTargetException if there is no such heap, or none that is supported
     */
    default List<Heap> locateAll(Target target) {
        return List.of(locate(target));
    }

    /**
     * Finds all heaps of this kind again, in a process that runs on.
     *
     * @param heaps what was found before
     * @return the heaps as they are now, of which there may be more or less
     * @throws dev.heapwalk.memory.NoSuchProcessException if the process ended
     */
    default List<Heap> refreshAll(List<Heap> heaps) {
        return heaps.stream().map(Heap::refresh).toList();
    }
}
