// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;
import java.util.List;
import java.util.OptionalLong;

/**
 * One thread's cache of free chunks, as it was when the heap was located. C name {@code struct
 * tcache_perthread_struct}, since 2.26.
 *
 * @param address target address of the structure
 * @param tid kernel id of the thread that owns it, where registers told
 * @param bins the bins that hold a chunk
 */
public record ThreadCache(long address, OptionalLong tid, List<Bin> bins) {
    /** What the block is used for that holds the structure. */
    public static final Category CATEGORY = new Category(new Domain("libc"), "tcache", "tcache_perthread_struct");

    /**
     * One bin.
     *
     * @param index its index in {@code entries}
     * @param chunkSize size of the chunks in it, in bytes; the smallest one for a large bin (since 2.42)
     * @param chunks target addresses of the chunks (not of what malloc returned), the next to be handed out first
     */
    public record Bin(int index, long chunkSize, List<Long> chunks) {}
}
