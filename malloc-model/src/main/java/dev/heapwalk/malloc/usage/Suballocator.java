// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.usage;

import dev.heapwalk.malloc.MallocHeap;

/**
 * An allocator that lives inside chunks of malloc or in mappings of its own, such as the pages of CRuby's heap. Found by
 * {@link java.util.ServiceLoader}. Where it is present its blocks are listed in place of the chunks that hold them.
 */
public interface Suballocator {

    /**
     * Makes itself ready for a heap.
     *
     * @param heap the heap it may live in
     * @return whether it is present in this target
     */
    boolean prepare(MallocHeap heap);
}
