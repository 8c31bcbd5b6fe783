// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.service;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.HeapProvider;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.usage.PythonHeap;

/** Finds the heap of CPython. */
public final class PythonHeapProvider implements HeapProvider {

    /** For the service loader. */
    public PythonHeapProvider() {}

    @Override
    public Class<PythonHeap> type() {
        return PythonHeap.class;
    }

    @Override
    public HeapLayer layer() {
        return HeapLayer.RUNTIME;
    }

    @Override
    public boolean isLikely(Target target) {
        return PythonRuntime.isLikely(target);
    }

    @Override
    public Heap locate(Target target) {
        return new PythonHeap(PythonRuntime.locate(target));
    }
}
