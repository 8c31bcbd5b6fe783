// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl.service;

import dev.heapwalk.allocator.AllocatorProvider;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.musl.MuslHeap;

/** Finds the heap of musl's malloc: each program on musl has one. */
public final class MuslHeapProvider extends AllocatorProvider {

    /** For the service loader. */
    public MuslHeapProvider() {
        super(MuslHeap.class, MuslHeap::isLikely, MuslHeap::locateAll);
    }

    @Override
    public Rest rest(Target target) {
        return MuslHeap.rest(target);
    }
}
