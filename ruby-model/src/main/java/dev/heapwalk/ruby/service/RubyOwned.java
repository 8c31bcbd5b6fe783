// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.service;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.ruby.usage.RubyHeap;

/** Knows the blocks of other heaps that Ruby's objects own: strings' bytes, arrays' elements, hashes' tables. */
public final class RubyOwned implements CategorizerProvider {

    /** For the service loader. */
    public RubyOwned() {}

    @Override
    public int priority() {
        return OWNED_BLOCKS;
    }

    @Override
    public Categorizer categorizer(Heaps heaps) {
        return heaps.find(RubyHeap.class).map(RubyHeap::ownedBlocks).orElse(Categorizer.NONE);
    }
}
