// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc.service;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.HeapProvider;
import dev.heapwalk.malloc.MallocHeap;
import dev.heapwalk.malloc.MallocRest;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import java.util.List;

/** Finds the heaps of glibc's malloc: each C library that a process has loaded has one. */
public final class MallocHeapProvider implements HeapProvider {

    /** For the service loader. */
    public MallocHeapProvider() {}

    @Override
    public Class<MallocHeap> type() {
        return MallocHeap.class;
    }

    @Override
    public HeapLayer layer() {
        return HeapLayer.ALLOCATOR;
    }

    /**
     * {@inheritDoc} Always: a static program without symbols may have it, and only the search tells.
     */
    @Override
    public boolean isLikely(Target target) {
        return true;
    }

    @Override
    public Rest rest(Target target) {
        return MallocRest.of(target);
    }

    @Override
    public Heap locate(Target target) {
        return MallocHeap.locate(target);
    }

    @Override
    public List<Heap> locateAll(Target target) {
        return List.copyOf(MallocHeap.locateAll(target));
    }

    @Override
    public List<Heap> refreshAll(List<Heap> heaps) {
        return heaps.getFirst() instanceof MallocHeap heap
                ? List.copyOf(heap.refreshAll())
                : HeapProvider.super.refreshAll(heaps);
    }
}
