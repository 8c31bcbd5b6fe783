// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.memory.raw.LocalArray;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.IntUnaryOperator;

/**
 * What each node of a graph holds alone. A node dominates another if each way from the root to that leads through it;
 * so if nothing referred to it, the other would be free as well. Its retained size is the sum of the sizes of all nodes
 * that it dominates, itself included: what would be freed with it.
 *
 * <p>Good as long as its graph is open. Any thread may ask.
 */
public final class Dominators {
    private final Tables tables;
    private final int nodes;
    private final int root;
    private final LocalArray dominators;
    private final LocalArray retained;
    private LocalArray childStarts;
    private LocalArray children;
    private int below;

    private Dominators(Links links, SemiNca.Found found) {
        this.tables = links.tables();
        this.nodes = links.nodes();
        this.root = links.root();
        this.dominators = found.dominators();
        this.retained = found.retained();
    }

    /** Finds them for all that some nodes below the root lead to. */
    static Dominators of(Links links, int[] entries, int mask, NodeSizes sizes) {
        Dominators found = new Dominators(links, SemiNca.dominators(links, entries, mask, sizes));
        found.makeChildren();
        return found;
    }

    /** How large each node is. */
    @FunctionalInterface
    interface NodeSizes {
        long size(int node);
    }

    private void makeChildren() {
        childStarts = tables.ints(nodes + 2L);
        for (int node = 0; node < nodes; node++) {
            int above = dominators.intAt(node);
            if (above >= 0) {
                below++;
                childStarts.put(above + 2L, childStarts.intAt(above + 2L) + 1);
            }
        }
        for (int node = 0; node < nodes; node++) {
            childStarts.put(node + 2L, childStarts.intAt(node + 1L) + childStarts.intAt(node + 2L));
        }
        children = tables.ints(below);
        for (int node = 0; node < nodes; node++) {
            int above = dominators.intAt(node);
            if (above >= 0) {
                int place = childStarts.intAt(above + 1L);
                childStarts.put(above + 1L, place + 1);
                children.put(place, node);
            }
        }
    }

    /**
     * Whether a way leads from the root to a node.
     *
     * @param node the number of a node
     * @return whether it is reached
     */
    public boolean reached(int node) {
        return node == root || dominators.intAt(node) >= 0;
    }

    /**
     * The node right above a node in the tree of dominators.
     *
     * @param node the number of a node
     * @return the number of the nearest node that dominates it; -1 for the root, and for one that is not reached
     */
    public int dominator(int node) {
        return dominators.intAt(node);
    }

    /**
     * What would be freed with a node, in bytes.
     *
     * @param node the number of a node
     * @return bytes, its own size included; 0 if it is not reached
     */
    public long retained(int node) {
        return retained.longAt(node);
    }

    /**
     * How many nodes a node dominates directly.
     *
     * @param node the number of a node
     * @return a count
     */
    public int childCount(int node) {
        Objects.checkIndex(node, nodes);
        return childStarts.intAt(node + 1L) - childStarts.intAt(node);
    }

    /**
     * A node that a node dominates directly.
     *
     * @param node the number of a node
     * @param index from 0 to {@link #childCount}
     * @return the number of the other node; they come in ascending order
     */
    public int child(int node, int index) {
        return children.intAt(childStarts.intAt(node) + (long) Objects.checkIndex(index, childCount(node)));
    }

    /**
     * The nodes with the largest retained sizes of those that a node dominates directly.
     *
     * @param node the number of a node
     * @param most how many are wanted
     * @return their numbers, the largest first, of equal ones the lower number
     */
    public int[] largestChildren(int node, int most) {
        int[] heap = new int[Math.min(most, childCount(node))];
        int size = 0;
        int start = childStarts.intAt(node);
        int end = childStarts.intAt(node + 1L);
        for (int i = start; i < end && heap.length > 0; i++) {
            int child = children.intAt(i);
            if (size < heap.length) {
                heap[size++] = child;
                up(heap, size - 1);
            } else if (isLess(heap[0], child)) {
                heap[0] = child;
                down(heap, size);
            }
        }
        for (int left = size - 1; left > 0; left--) {
            int least = heap[0];
            heap[0] = heap[left];
            heap[left] = least;
            down(heap, left);
        }
        return heap;
    }

    /** Whether one comes behind another. */
    private boolean isLess(int one, int other) {
        long difference = retained.longAt(one) - retained.longAt(other);
        return difference < 0 || difference == 0 && one > other;
    }

    private void up(int[] heap, int from) {
        for (int at = from; at > 0 && isLess(heap[at], heap[at - 1 >> 1]); at = at - 1 >> 1) {
            swap(heap, at, at - 1 >> 1);
        }
    }

    private void down(int[] heap, int size) {
        int at = 0;
        while (2 * at + 1 < size) {
            int least = 2 * at + 1;
            if (least + 1 < size && isLess(heap[least + 1], heap[least])) {
                least++;
            }
            if (!isLess(heap[least], heap[at])) {
                return;
            }
            swap(heap, at, least);
            at = least;
        }
    }

    private static void swap(int[] heap, int one, int other) {
        int kept = heap[one];
        heap[one] = heap[other];
        heap[other] = kept;
    }

    /**
     * Sums up retained sizes by category. What lies below another node of the same category in the tree is part of that
     * one's retained size, and counts once.
     *
     * @param categoryOf the number of the category of a node, -1 for one that has none; asked about each node that is
     *     reached
     * @param categories how many categories there are
     * @return bytes by the number of the category
     */
    public long[] retainedBy(IntUnaryOperator categoryOf, int categories) {
        long[] sums = new long[categories];
        int[] above = new int[categories];
        // On the way down; a complement of a node is where its subtree ends.
        IntStack stack = new IntStack(tables);
        stack.push(root);
        while (!stack.isEmpty()) {
            int top = stack.pop();
            if (top < 0) {
                above[categoryOf.applyAsInt(~top)]--;
                continue;
            }
            int category = categoryOf.applyAsInt(top);
            if (category >= 0) {
                if (above[category]++ == 0) {
                    sums[category] += retained.longAt(top);
                }
                stack.push(~top);
            }
            int end = childStarts.intAt(top + 1L);
            for (int i = childStarts.intAt(top); i < end; i++) {
                stack.push(children.intAt(i));
            }
        }
        stack.close();
        return sums;
    }

    /**
     * The nodes that dominate a node, from the root down.
     *
     * @param node the number of a node
     * @return the root, and so on to the node itself; empty if it is not reached
     */
    public int[] chain(int node) {
        if (!reached(node)) {
            return new int[0];
        }
        int[] chain = new int[16];
        int length = 0;
        for (int at = node; at >= 0; at = dominators.intAt(at)) {
            if (length == chain.length) {
                chain = Arrays.copyOf(chain, 2 * length);
            }
            chain[length++] = at;
        }
        int[] downwards = new int[length];
        for (int i = 0; i < length; i++) {
            downwards[i] = chain[length - 1 - i];
        }
        return downwards;
    }

    void free() {
        tables.free(dominators);
        tables.free(retained);
        tables.free(childStarts);
        tables.free(children);
    }

    /**
     * Says how many nodes are reached.
     *
     * @return a line for a person
     */
    @Override
    public String toString() {
        return "dominators of %d nodes".formatted(below);
    }
}
