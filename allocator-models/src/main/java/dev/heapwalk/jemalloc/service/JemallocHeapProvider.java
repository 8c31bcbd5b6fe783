// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc.service;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.HeapProvider;
import dev.heapwalk.jemalloc.JemallocHeap;
import dev.heapwalk.memory.Target;
import java.util.List;

/** Finds the heaps of jemalloc 5: a program has one, and a library may have brought along another. */
public final class JemallocHeapProvider implements HeapProvider {

    /** For the service loader. */
    public JemallocHeapProvider() {}

    @Override
    public Class<JemallocHeap> type() {
        return JemallocHeap.class;
    }

    @Override
    public HeapLayer layer() {
        return HeapLayer.ALLOCATOR;
    }

    @Override
    public boolean isLikely(Target target) {
        return JemallocHeap.isLikely(target);
    }

    @Override
    public Heap locate(Target target) {
        return JemallocHeap.locate(target);
    }

    @Override
    public List<Heap> locateAll(Target target) {
        return List.copyOf(JemallocHeap.locateAll(target));
    }
}
