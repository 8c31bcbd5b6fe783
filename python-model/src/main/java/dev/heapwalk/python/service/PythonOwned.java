// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.service;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.python.usage.PythonHeap;

/** Knows the blocks that hold Python's objects, or that these own. */
public final class PythonOwned implements CategorizerProvider {

    /** For the service loader. */
    public PythonOwned() {}

    @Override
    public int priority() {
        return OWNED_BLOCKS;
    }

    @Override
    public Categorizer categorizer(Heaps heaps) {
        return heaps.find(PythonHeap.class).map(heap -> heap.ownedBlocks(heaps)).orElse(Categorizer.NONE);
    }
}
