// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.usage;

import java.util.List;

/**
 * Walks the used blocks of a {@link Suballocator}. A flyweight that moves; together with what it keeps free, all its
 * memory.
 */
public interface BlockCursor {

    /**
     * Moves to the next block.
     *
     * @return whether there is one
     */
    boolean next();

    /**
     * Where the block begins.
     *
     * @return a target address
     */
    long address();

    /**
     * The size of the block.
     *
     * @return bytes
     */
    long size();

    /**
     * What it is used for.
     *
     * @return the category, the same object for the same use where possible
     */
    Category category();

    /**
     * What could not be read so far, a line each.
     *
     * @return a list that grows
     */
    List<String> holes();
}
