// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.service;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.HeapProvider;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.usage.RubyHeap;

/** Finds the heap of CRuby. */
public final class RubyHeapProvider implements HeapProvider {

    /** For the service loader. */
    public RubyHeapProvider() {}

    @Override
    public Class<RubyHeap> type() {
        return RubyHeap.class;
    }

    @Override
    public HeapLayer layer() {
        return HeapLayer.RUNTIME;
    }

    @Override
    public boolean isLikely(Target target) {
        return RubyVm.isLikely(target);
    }

    @Override
    public Heap locate(Target target) {
        return new RubyHeap(RubyVm.locate(target));
    }
}
