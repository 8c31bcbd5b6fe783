// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.usage;

import dev.heapwalk.malloc.ChunkCursor;

/**
 * An allocator that lives inside chunks of malloc or in mappings of its own, such as the pages of CRuby's heap. Found
 * by {@link java.util.ServiceLoader}. Where it is present its blocks are listed in place of the chunks that hold them,
 * and it names the chunks that its blocks own.
 */
public interface Suballocator extends Categorizer {

    /**
     * Whether a used chunk holds blocks of this allocator, and so is not listed itself.
     *
     * @param chunk the cursor at the chunk; not to be moved
     * @return whether all of it belongs to this allocator
     */
    boolean holds(ChunkCursor chunk);

    /**
     * Walks all its blocks, be they inside chunks or not.
     *
     * @return a new cursor
     */
    BlockCursor blocks();
}
