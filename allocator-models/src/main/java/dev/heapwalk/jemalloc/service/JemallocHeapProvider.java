// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc.service;

import dev.heapwalk.allocator.AllocatorProvider;
import dev.heapwalk.jemalloc.JemallocHeap;

/** Finds the heaps of jemalloc 5: a program has one, and a library may have brought along another. */
public final class JemallocHeapProvider extends AllocatorProvider {

    /** For the service loader. */
    public JemallocHeapProvider() {
        super(JemallocHeap.class, JemallocHeap::isLikely, JemallocHeap::locateAll);
    }
}
