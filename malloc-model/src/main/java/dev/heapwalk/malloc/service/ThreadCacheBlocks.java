// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.service;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.KnownBlocks;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.ThreadCache;
import java.util.HashMap;
import java.util.Map;

/** Knows the blocks that malloc itself needs: the caches of threads. */
public final class ThreadCacheBlocks implements CategorizerProvider {
    /** For the service loader. */
    public ThreadCacheBlocks() {}

    @Override
    public int priority() {
        return KNOWN_BLOCKS;
    }

    @Override
    public Categorizer categorizer(Heaps heaps) {
        Map<Long, Category> known = new HashMap<>();
        heaps.findAll(MallocHeap.class)
                .forEach(
                        heap -> heap.threadCaches().forEach(cache -> known.put(cache.address(), ThreadCache.CATEGORY)));
        return KnownBlocks.of(known);
    }
}
