// SPDX-License-Identifier: Apache-2.0
/**
 * The heap of glibc's malloc in a target: arenas, chunks, bins, thread caches.
 */
module dev.heapwalk.malloc {
    requires transitive dev.heapwalk.heap;

    exports dev.heapwalk.malloc;

    provides dev.heapwalk.heap.HeapProvider with
            dev.heapwalk.malloc.service.MallocHeapProvider;
    provides dev.heapwalk.heap.usage.CategorizerProvider with
            dev.heapwalk.malloc.service.ThreadCacheBlocks;
}
