// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import java.util.Arrays;

/** A way from a block to what keeps it alive: the block first, then who refers to it, and so on. */
public final class HeapPath {
    private final int[] nodes;

    HeapPath(int[] nodes) {
        this.nodes = nodes;
    }

    /**
     * How many nodes it has.
     *
     * @return a count, 2 for a block that a root holds
     */
    public int length() {
        return nodes.length;
    }

    /**
     * A node of it.
     *
     * @param index 0 for the block, {@link #length()} - 1 for the group of roots
     * @return the number of the node; each refers to the one before it
     */
    public int node(int index) {
        return nodes[index];
    }

    /**
     * All nodes of it.
     *
     * @return a new array, the block first
     */
    public int[] nodes() {
        return nodes.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof HeapPath path && Arrays.equals(nodes, path.nodes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(nodes);
    }

    @Override
    public String toString() {
        return Arrays.toString(nodes);
    }
}
