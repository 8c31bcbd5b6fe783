// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * How many references to each block are known for certain. Where a runtime counts no more than these, any other word
 * that seems to lead to the block is left over from something else.
 */
final class FoundReferences {
    private static final VarHandle COUNT = MethodHandles.arrayElementVarHandle(int[].class);

    private final int[] counts;
    private final NodeSet complete;

    FoundReferences(int nodes) {
        counts = new int[nodes];
        complete = new NodeSet(nodes);
    }

    /** Counts a reference while others count too. */
    void addShared(int node) {
        COUNT.getAndAdd(counts, node, 1);
    }

    /** Compares a block with the count of its runtime. */
    void compare(int node, BlockEdges edges) {
        if (counts[node] > 0 && !complete.has(node)) {
            long counted = edges.counted(node);
            if (counted >= 0 && counted <= counts[node]) {
                complete.add(node);
            }
        }
    }

    /** Whether all references to a block are known. */
    boolean complete(int node) {
        return complete.has(node);
    }
}
