// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.service;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;

/**
 * Knows the objects of C++ by their classes, and what containers of the standard library own. Of processes with words
 * of 64 bits.
 */
public final class CppObjects implements CategorizerProvider {
    /** For the service loader. */
    public CppObjects() {}

    /** After those of single libraries: a vector is the least that words can look like. */
    @Override
    public int priority() {
        return USUAL + 10;
    }

    @Override
    public Categorizer categorizer(Heaps heaps) {
        return heaps.target().machine().wordSize() == Long.BYTES ? new CppBlocks(heaps) : Categorizer.NONE;
    }
}
