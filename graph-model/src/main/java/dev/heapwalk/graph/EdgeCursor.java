// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.heap.EdgeKind;

/**
 * Goes through the edges of a node, those that lead from it or those that lead to it, in no order that means anything.
 * A flyweight that moves, and goes to another node by {@link #of}. For one thread; good as long as its graph is open.
 */
public final class EdgeCursor {
    private static final EdgeKind[] KINDS = EdgeKind.values();

    private final Rows rows;
    private int at;
    private int end;
    private int word;

    EdgeCursor(Rows rows) {
        this.rows = rows;
    }

    /**
     * Goes before the first edge of a node.
     *
     * @param node the number of a node
     * @return this cursor
     */
    public EdgeCursor of(int node) {
        at = rows.start(node);
        end = rows.end(node);
        return this;
    }

    /**
     * Moves to the next edge.
     *
     * @return whether there is one
     */
    public boolean next() {
        if (at == end) {
            return false;
        }
        word = rows.word(at++);
        return true;
    }

    /**
     * How many edges come.
     *
     * @return a count
     */
    public int left() {
        return end - at;
    }

    /**
     * The node at the other end.
     *
     * @return its number
     */
    public int node() {
        return word & BlockIndex.MOST;
    }

    /**
     * In what way the one refers to the other.
     *
     * @return the kind
     */
    public EdgeKind kind() {
        return KINDS[word >>> BlockIndex.KIND_SHIFT];
    }
}
