// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** A bit for each node. Several threads may add at once. */
final class NodeSet {
    private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);

    private final long[] words;

    NodeSet(int nodes) {
        this(new long[(nodes >>> 6) + 1]);
    }

    private NodeSet(long[] words) {
        this.words = words;
    }

    NodeSet copy() {
        return new NodeSet(words.clone());
    }

    boolean has(int node) {
        return (words[node >>> 6] >>> node & 1) != 0;
    }

    void add(int node) {
        words[node >>> 6] |= 1L << node;
    }

    /** Adds while others add too. */
    void addShared(int node) {
        if (!has(node)) {
            WORD.getAndBitwiseOr(words, node >>> 6, 1L << node);
        }
    }

    void remove(int node) {
        words[node >>> 6] &= ~(1L << node);
    }

    int count() {
        int sum = 0;
        for (long word : words) {
            sum += Long.bitCount(word);
        }
        return sum;
    }
}
