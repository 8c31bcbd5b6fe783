// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc.service;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.HeapProvider;
import dev.heapwalk.memory.Target;
import dev.heapwalk.mimalloc.MimallocHeap;
import java.util.List;

/** Finds the heaps of mimalloc 2 and 3: a program has one, and a library may have brought along another. */
public final class MimallocHeapProvider implements HeapProvider {

    /** For the service loader. */
    public MimallocHeapProvider() {}

    @Override
    public Class<MimallocHeap> type() {
        return MimallocHeap.class;
    }

    @Override
    public HeapLayer layer() {
        return HeapLayer.ALLOCATOR;
    }

    @Override
    public boolean isLikely(Target target) {
        return MimallocHeap.isLikely(target);
    }

    @Override
    public Heap locate(Target target) {
        return MimallocHeap.locate(target);
    }

    @Override
    public List<Heap> locateAll(Target target) {
        return List.copyOf(MimallocHeap.locateAll(target));
    }
}
