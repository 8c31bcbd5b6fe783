// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc.service;

import dev.heapwalk.allocator.AllocatorProvider;
import dev.heapwalk.mimalloc.MimallocHeap;

/** Finds the heaps of mimalloc 2 and 3: a program has one, and a library may have brought along another. */
public final class MimallocHeapProvider extends AllocatorProvider {

    /** For the service loader. */
    public MimallocHeapProvider() {
        super(MimallocHeap.class, MimallocHeap::isLikely, MimallocHeap::locateAll);
    }
}
