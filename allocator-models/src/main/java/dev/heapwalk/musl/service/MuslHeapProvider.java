// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl.service;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.HeapProvider;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.musl.MuslHeap;
import java.util.List;

/** Finds the heap of musl's malloc: each program on musl has one. */
public final class MuslHeapProvider implements HeapProvider {

    /** For the service loader. */
    public MuslHeapProvider() {}

    @Override
    public Class<MuslHeap> type() {
        return MuslHeap.class;
    }

    @Override
    public HeapLayer layer() {
        return HeapLayer.ALLOCATOR;
    }

    @Override
    public boolean isLikely(Target target) {
        return MuslHeap.isLikely(target);
    }

    @Override
    public Rest rest(Target target) {
        return MuslHeap.rest(target);
    }

    @Override
    public Heap locate(Target target) {
        return MuslHeap.locate(target);
    }

    @Override
    public List<Heap> locateAll(Target target) {
        return List.copyOf(MuslHeap.locateAll(target));
    }
}
