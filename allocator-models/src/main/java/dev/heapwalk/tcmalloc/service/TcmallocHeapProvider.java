// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc.service;

import dev.heapwalk.allocator.AllocatorProvider;
import dev.heapwalk.tcmalloc.TcmallocHeap;

/** Finds the heaps of gperftools' tcmalloc: a program has one, and a library may have brought along another. */
public final class TcmallocHeapProvider extends AllocatorProvider {

    /** For the service loader. */
    public TcmallocHeapProvider() {
        super(TcmallocHeap.class, TcmallocHeap::isLikely, TcmallocHeap::locateAll);
    }
}
