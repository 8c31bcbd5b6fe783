// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc.service;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.HeapProvider;
import dev.heapwalk.memory.Target;
import dev.heapwalk.tcmalloc.TcmallocHeap;
import java.util.List;

/** Finds the heaps of gperftools' tcmalloc: a program has one, and a library may have brought along another. */
public final class TcmallocHeapProvider implements HeapProvider {

    /** For the service loader. */
    public TcmallocHeapProvider() {}

    @Override
    public Class<TcmallocHeap> type() {
        return TcmallocHeap.class;
    }

    @Override
    public HeapLayer layer() {
        return HeapLayer.ALLOCATOR;
    }

    @Override
    public boolean isLikely(Target target) {
        return TcmallocHeap.isLikely(target);
    }

    @Override
    public Heap locate(Target target) {
        return TcmallocHeap.locate(target);
    }

    @Override
    public List<Heap> locateAll(Target target) {
        return List.copyOf(TcmallocHeap.locateAll(target));
    }
}
