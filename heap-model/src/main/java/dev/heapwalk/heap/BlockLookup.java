// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/**
 * Finds the block that an address lies in. A flyweight: a look-up allocates nothing, and what it says is good until the
 * next one. For one thread.
 */
public interface BlockLookup extends BlockView, AutoCloseable {

    /**
     * Goes to the block that an address lies in, at its start or anywhere inside. What an allocator keeps before a
     * block (a header) belongs to that block.
     *
     * @param address any target address
     * @return whether there is one; if not, there is nothing to ask for
     * @throws IllegalStateException if the look-up is closed
     */
    boolean find(long address);

    /**
     * Frees the buffers. After it nothing can be looked up; a second call does nothing. Who does not close a look-up
     * leaves its buffers to the garbage collector.
     */
    @Override
    default void close() {}
}
