// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.memory.raw.LocalArray;

/**
 * Finds immediate dominators by semidominators and nearest common ancestors (SemiNCA: Georgiadis, 2005). Iterating over
 * all nodes until nothing changes, as by Cooper, Harvey and Kennedy, would be shorter; but a doubly linked list, the
 * most common structure of all, is its worst case.
 *
 * <p>A node that leads nowhere and that only one edge leads to is dominated by where that edge comes from, and is left
 * out of the search: so are most texts and buffers. No step is recursive.
 */
final class SemiNca {
    /** What is written for a node that nothing reaches. */
    static final int UNREACHED = -1;

    private final Tables tables;
    private final Rows forward;
    private final Rows backward;
    private final int root;
    private final int mask;
    private final NodeSet leftOut;

    /** By node: its number in the order of the search and 1, or 0. In the end, the dominator. */
    private final LocalArray numbers;
    // By that number.
    private LocalArray vertices;
    private LocalArray parents;
    private LocalArray ancestors;
    private LocalArray labels;
    private LocalArray semis;
    private LocalArray stack;
    private int reached;

    private SemiNca(Links links, int mask) {
        this.tables = links.tables();
        this.forward = links.forward();
        this.backward = links.backward();
        this.root = links.root();
        this.mask = mask;
        this.leftOut = new NodeSet(links.nodes());
        this.numbers = tables.ints(links.nodes());
    }

    /** For each node its immediate dominator, {@link #UNREACHED} for one that is not reached and for the root. */
    static LocalArray dominators(Links links, int[] entries, int mask) {
        SemiNca search = new SemiNca(links, mask);
        search.leaveOut(entries);
        search.number(entries);
        search.semidominators(entries);
        search.commonAncestors();
        search.finish();
        return search.numbers;
    }

    private void leaveOut(int[] entries) {
        for (int node = 0; node < root; node++) {
            int start = backward.start(node);
            if (forward.start(node) == forward.end(node)
                    && backward.end(node) - start == 1
                    && Links.counts(backward.word(start), mask)) {
                leftOut.add(node);
            }
        }
        for (int entry : entries) {
            leftOut.remove(entry);
        }
    }

    /** Numbers nodes in the order in which a search in depth comes to them. */
    private void number(int[] entries) {
        int most = 1;
        for (int node = 0; node < root; node++) {
            most += leftOut.has(node) ? 0 : 1;
        }
        vertices = tables.ints(most);
        parents = tables.ints(most);
        // The edge that comes next of each node on the way down.
        stack = tables.ints(most);
        vertices.put(0, root);
        numbers.put(root, 1);
        reached = 1;
        for (int entry : entries) {
            if (numbers.intAt(entry) == 0) {
                searchFrom(entry);
            }
        }
    }

    private void searchFrom(int entry) {
        int current = take(entry, 0);
        int node = entry;
        int edge = forward.start(node);
        int end = forward.end(node);
        while (true) {
            int next = -1;
            while (edge < end) {
                int word = forward.word(edge++);
                int other = word & BlockIndex.MOST;
                if (!leftOut.has(other) && numbers.intAt(other) == 0 && Links.counts(word, mask)) {
                    next = other;
                    break;
                }
            }
            if (next >= 0) {
                stack.put(current, edge);
                current = take(next, current);
                node = next;
                edge = forward.start(node);
            } else {
                current = parents.intAt(current);
                if (current == 0) {
                    return;
                }
                node = vertices.intAt(current);
                edge = stack.intAt(current);
            }
            end = forward.end(node);
        }
    }

    private int take(int node, int parent) {
        int number = reached++;
        vertices.put(number, node);
        parents.put(number, parent);
        numbers.put(node, reached);
        return number;
    }

    private void semidominators(int[] entries) {
        ancestors = tables.ints(reached);
        labels = tables.ints(reached);
        semis = tables.ints(reached);
        parents.copy(0, reached, ancestors, 0);
        for (int i = 0; i < reached; i++) {
            labels.put(i, i);
            semis.put(i, i);
        }
        NodeSet entered = new NodeSet(root + 1);
        for (int entry : entries) {
            entered.add(entry);
        }
        for (int i = reached - 1; i > 0; i--) {
            int node = vertices.intAt(i);
            int least = parents.intAt(i);
            if (entered.has(node)) {
                least = 0;
            }
            int end = backward.end(node);
            for (int edge = backward.start(node); edge < end && least > 0; edge++) {
                int word = backward.word(edge);
                int number = numbers.intAt(word & BlockIndex.MOST) - 1;
                if (number >= 0 && Links.counts(word, mask)) {
                    int semi = number <= i ? number : semis.intAt(evaluate(number, i + 1));
                    least = Math.min(least, semi);
                }
            }
            semis.put(i, least);
        }
        tables.free(ancestors);
        tables.free(labels);
        tables.free(stack);
    }

    /** The number with the least semidominator on the way up, as far as that was searched; the way becomes short. */
    private int evaluate(int number, int searched) {
        if (ancestors.intAt(number) < searched) {
            return labels.intAt(number);
        }
        int depth = 0;
        int at = number;
        int above = ancestors.intAt(at);
        while (above >= searched) {
            stack.put(depth++, at);
            at = above;
            above = ancestors.intAt(at);
        }
        int label = labels.intAt(at);
        int semi = semis.intAt(label);
        while (depth > 0) {
            int below = stack.intAt(--depth);
            ancestors.put(below, above);
            int own = labels.intAt(below);
            int ownSemi = semis.intAt(own);
            if (semi < ownSemi) {
                labels.put(below, label);
            } else {
                label = own;
                semi = ownSemi;
            }
        }
        return labels.intAt(number);
    }

    /** The dominator is the nearest ancestor that is no farther down than the semidominator. */
    private void commonAncestors() {
        for (int i = 1; i < reached; i++) {
            int semi = semis.intAt(i);
            int dominator = parents.intAt(i);
            while (dominator > semi) {
                dominator = parents.intAt(dominator);
            }
            parents.put(i, dominator);
        }
        tables.free(semis);
    }

    private void finish() {
        for (int node = 0; node <= root; node++) {
            int number = numbers.intAt(node) - 1;
            if (number >= 0) {
                numbers.put(node, number == 0 ? UNREACHED : vertices.intAt(parents.intAt(number)));
            } else {
                numbers.put(node, UNREACHED);
            }
        }
        for (int node = 0; node < root; node++) {
            if (leftOut.has(node)) {
                int holder = backward.word(backward.start(node)) & BlockIndex.MOST;
                if (holder == root || numbers.intAt(holder) != UNREACHED) {
                    numbers.put(node, holder);
                }
            }
        }
        tables.free(vertices);
        tables.free(parents);
    }
}
