// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

import dev.heapwalk.heap.Heaps;

/**
 * Makes categorizers. Implementations are found by {@link java.util.ServiceLoader}, see {@link
 * UsageCursor#providers()}, or given to {@link UsageCursor#over(Heaps, java.util.List)}. They keep nothing of a target,
 * and any thread may call them.
 */
@FunctionalInterface
public interface CategorizerProvider {
    /**
     * The priority of what knows single blocks by their address: thread caches, streams, the vectors of thread-local
     * storage.
     */
    int KNOWN_BLOCKS = 10;

    /** The priority of what knows the blocks that a runtime's objects own. */
    int OWNED_BLOCKS = 100;

    /** The priority of one that says nothing else. */
    int USUAL = 500;

    /** The priority of what guesses by the content of a block alone, such as text. */
    int CONTENT = 1000;

    /**
     * Makes a categorizer. Called when a walk, or a look-up, comes to the first block that it could be asked about, and
     * again when the walk starts again, unless what it made can {@linkplain Categorizer#again do so}; so this is the
     * place for work such as collecting addresses.
     *
     * @param heaps the heaps of the target; {@link Heaps#find} locates no more than is asked for
     * @return a new categorizer, or {@link Categorizer#NONE} if it has nothing to say about this target
     */
    Categorizer categorizer(Heaps heaps);

    /**
     * The order of asking: the first categorizer that knows a block decides.
     *
     * @return a smaller number is asked earlier; of equal ones, that which was found first
     */
    default int priority() {
        return USUAL;
    }
}
