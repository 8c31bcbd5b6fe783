// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/**
 * Knows what blocks of a heap refer to. It allocates nothing for a block. For one thread.
 */
public interface EdgeSource extends AutoCloseable {

    /**
     * Gives what a block refers to; what is referred to twice comes twice.
     *
     * @param address target address of a block of the heap that this was made for, as {@link BlockView#address()} has
     *     it
     * @param sink takes the edges
     * @return whether these are all; false where the block, or a part of it, is of a kind that is not known
     * @throws dev.heapwalk.memory.UnmappedAddressException if the block is damaged; what came before is good
     */
    boolean edges(long address, EdgeSink sink);

    /**
     * Gives what the block refers to that a cursor or a look-up is at. Faster than by address where the source knows
     * that cursor.
     *
     * @param block a block of the heap that this was made for
     * @param sink takes the edges
     * @return whether these are all
     * @throws dev.heapwalk.memory.UnmappedAddressException if the block is damaged; what came before is good
     */
    default boolean edges(BlockView block, EdgeSink sink) {
        return edges(block.address(), sink);
    }

    /**
     * Whether it also knows blocks of the program's allocators, which it tells from others by what they hold: of one
     * that is none of its own, {@link #edges(long, EdgeSink)} gives nothing and answers false.
     *
     * @return whether it may be asked about these too
     */
    default boolean knowsBlocksOfAllocators() {
        return false;
    }

    /**
     * Whether nothing keeps its blocks alive but their own roots and what this source tells: those of a garbage
     * collector, which does not look into other memory. A pointer from a block of C code is weak then, unless that
     * belongs to a block of which this source does not know all.
     *
     * @return whether it is so; false where a count of references is kept, as other memory counts there too
     */
    default boolean knowsAllHolders() {
        return false;
    }

    /**
     * How many references keep a block alive, by the count that the runtime keeps itself. Where as many are known, a
     * word that only looks like a reference to it is none.
     *
     * @param address target address of a block
     * @return the count; -1 where none is kept, where it is not that of a reference each, and for what is never freed
     */
    default long countedReferences(long address) {
        return -1;
    }

    /**
     * Whether a count of references is kept for its blocks.
     *
     * @return whether {@link #countedReferences} may know one
     */
    default boolean countsReferences() {
        return false;
    }

    /**
     * Frees the buffers. After it there is nothing to ask for; a second call does nothing. Who does not close a source
     * leaves its buffers to the garbage collector.
     */
    @Override
    default void close() {}
}
