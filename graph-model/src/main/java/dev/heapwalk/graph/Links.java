// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.heap.EdgeKind;
import java.util.Set;

/**
 * The edges of a graph both ways. Above all nodes is the root, which has the highest number.
 *
 * @param forward what each node leads to
 * @param backward what leads to each node
 */
record Links(Tables tables, Rows forward, Rows backward) {
    /** All kinds that keep a block alive, perhaps. */
    static final int HOLDING = mask(Set.of(EdgeKind.OWNS, EdgeKind.REFERS, EdgeKind.INTERIOR, EdgeKind.PAST_END));

    private static final int BATCH = 64;

    /** A bit for each kind. */
    static int mask(Set<EdgeKind> kinds) {
        int mask = 0;
        for (EdgeKind kind : kinds) {
            mask |= 1 << kind.ordinal();
        }
        return mask;
    }

    static Links of(Tables tables, Rows forward) {
        return new Links(tables, forward, forward.reversed());
    }

    int nodes() {
        return forward.nodes();
    }

    int root() {
        return forward.nodes() - 1;
    }

    static boolean counts(int word, int mask) {
        return (mask >>> (word >>> BlockIndex.KIND_SHIFT) & 1) != 0;
    }

    /** What the root leads to. */
    int[] entries() {
        int start = forward.start(root());
        int[] entries = new int[forward.end(root()) - start];
        for (int i = 0; i < entries.length; i++) {
            entries[i] = forward.word(start + i) & BlockIndex.MOST;
        }
        return entries;
    }

    /** Marks all that some nodes lead to by edges of some kinds, and these themselves. */
    NodeSet reach(int[] from, int mask) {
        NodeSet reached = new NodeSet(nodes());
        reach(from, mask, reached);
        return reached;
    }

    /** Goes on where something is marked already. */
    void reach(int[] from, int mask, NodeSet reached) {
        try (IntStack waiting = new IntStack(tables)) {
            for (int node : from) {
                if (!reached.has(node)) {
                    reached.add(node);
                    waiting.push(node);
                }
            }
            follow(waiting, mask, reached);
        }
    }

    /** Marks all that is marked, and what that leads to if more kinds of edges count than did before. */
    NodeSet wider(NodeSet narrower, int mask) {
        NodeSet reached = narrower.copy();
        try (IntStack waiting = new IntStack(tables)) {
            for (int node = 0; node < nodes(); node++) {
                if (narrower.has(node)) {
                    take(forward.start(node), forward.end(node), mask, reached, waiting);
                    follow(waiting, mask, reached);
                }
            }
        }
        return reached;
    }

    /** Takes some nodes at once, so that the processor does not wait for the memory of each before it asks for the next. */
    private void follow(IntStack waiting, int mask, NodeSet reached) {
        if (waiting.isEmpty()) {
            return;
        }
        int[] starts = new int[BATCH];
        int[] ends = new int[BATCH];
        while (!waiting.isEmpty()) {
            int count = 0;
            while (count < BATCH && !waiting.isEmpty()) {
                int node = waiting.pop();
                starts[count] = forward.start(node);
                ends[count++] = forward.end(node);
            }
            for (int i = 0; i < count; i++) {
                take(starts[i], ends[i], mask, reached, waiting);
            }
        }
    }

    private void take(int start, int end, int mask, NodeSet reached, IntStack waiting) {
        for (int edge = start; edge < end; edge++) {
            int word = forward.word(edge);
            int other = word & BlockIndex.MOST;
            if (!reached.has(other) && counts(word, mask)) {
                reached.add(other);
                waiting.push(other);
            }
        }
    }
}
