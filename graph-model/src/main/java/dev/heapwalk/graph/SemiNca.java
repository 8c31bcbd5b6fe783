// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.graph.Dominators.NodeSizes;
import dev.heapwalk.memory.raw.LocalArray;

/**
 * Finds immediate dominators by semidominators and nearest common ancestors (SemiNCA: Georgiadis, 2005). Iterating over
 * all nodes until nothing changes, as by Cooper, Harvey and Kennedy, would be shorter; but a doubly linked list, the
 * most common structure of all, is its worst case.
 *
 * <p>A node that leads nowhere and that only one edge leads to is dominated by where that edge comes from, and is left
 * out of the search: so are most texts and buffers. No step is recursive.
 *
 * <p>Nearly all of the time it waits for memory. So what belongs together lies together, whether a node was seen is told
 * by a bit, and what leads to some nodes is read for all of them before it is looked at.
 */
final class SemiNca {
    /** What is written for a node that nothing reaches. */
    static final int UNREACHED = -1;

    /** For so many nodes at once what leads to them is read. */
    private static final int BATCH = 256;
    /** So many edges are read ahead; the rest of a batch is read when its turn comes. */
    private static final int READ_AHEAD = 8 * BATCH;

    private static final int PENDING = 3;
    private static final long LOW = 0xffff_ffffL;

    private final Tables tables;
    private final Rows forward;
    private final Rows backward;
    private final int root;
    private final int mask;
    /** Nodes that only one edge leads to. */
    private final NodeSet single;

    private final NodeSet leftOut;

    /** By node: its number in the order of the search and 1, or 0. In the end, the dominator. */
    private final LocalArray numbers;

    private LocalArray retained;
    // By that number.
    private LocalArray vertices;
    private LocalArray parents;
    /** The ancestor, above the least semidominator on the way up to it. */
    private LocalArray ways;

    private LocalArray semis;
    /** Nodes on the way down that have edges left, with the next one and the end of these; later a way up. */
    private LocalArray stack;

    private int reached;

    private SemiNca(Links links, int mask) {
        this.tables = links.tables();
        this.forward = links.forward();
        this.backward = links.backward();
        this.root = links.root();
        this.mask = mask;
        this.single = new NodeSet(links.nodes());
        this.leftOut = new NodeSet(links.nodes());
        this.numbers = tables.ints(links.nodes());
    }

    /**
     * What is found, by node.
     *
     * @param dominators the immediate dominator, {@link #UNREACHED} of one that is not reached and of the root
     * @param retained the sum of the sizes of what each dominates
     */
    record Found(LocalArray dominators, LocalArray retained) {}

    /** Finds dominators, and sums up what each node dominates. */
    static Found dominators(Links links, int[] entries, int mask, NodeSizes sizes) {
        SemiNca search = new SemiNca(links, mask);
        search.leaveOut(entries);
        search.number(entries);
        search.semidominators(entries);
        search.commonAncestors();
        search.sum(sizes);
        search.finish();
        return new Found(search.numbers, search.retained);
    }

    private void leaveOut(int[] entries) {
        for (int node = 0; node < root; node++) {
            int start = backward.start(node);
            if (backward.end(node) - start == 1 && Links.counts(backward.word(start), mask)) {
                single.add(node);
                if (forward.start(node) == forward.end(node)) {
                    leftOut.add(node);
                }
            }
        }
        for (int entry : entries) {
            single.remove(entry);
            leftOut.remove(entry);
        }
    }

    /** Numbers nodes in the order in which a search in depth comes to them. */
    private void number(int[] entries) {
        int most = root + 1 - leftOut.count();
        vertices = tables.ints(most);
        parents = tables.ints(most);
        stack = tables.ints((long) PENDING * most);
        NodeSet seen = leftOut.copy();
        vertices.put(0, root);
        numbers.put(root, 1);
        seen.add(root);
        reached = 1;
        for (int entry : entries) {
            if (!seen.has(entry)) {
                searchFrom(entry, seen);
            }
        }
        tables.free(stack);
    }

    private void searchFrom(int entry, NodeSet seen) {
        long depth = 0;
        int node = entry;
        int number = take(entry, 0, seen);
        int edge = forward.start(node);
        int end = forward.end(node);
        while (true) {
            edge = unseen(edge, end, seen);
            if (edge < end) {
                node = forward.word(edge) & BlockIndex.MOST;
                int parent = number;
                number = take(node, parent, seen);
                // While the rest of the row is near; most have none.
                edge = unseen(edge + 1, end, seen);
                if (edge < end) {
                    stack.put(depth, parent);
                    stack.put(depth + 1, edge);
                    stack.put(depth + 2, end);
                    depth += PENDING;
                }
                edge = forward.start(node);
                end = forward.end(node);
            } else if (depth == 0) {
                return;
            } else {
                depth -= PENDING;
                number = stack.intAt(depth);
                edge = stack.intAt(depth + 1);
                end = stack.intAt(depth + 2);
            }
        }
    }

    /** The first of some edges that leads to a node that was not seen yet. */
    private int unseen(int from, int end, NodeSet seen) {
        int edge = from;
        while (edge < end) {
            int word = forward.word(edge);
            if (!seen.has(word & BlockIndex.MOST) && Links.counts(word, mask)) {
                return edge;
            }
            edge++;
        }
        return edge;
    }

    private int take(int node, int parent, NodeSet seen) {
        int number = reached++;
        seen.add(node);
        vertices.put(number, node);
        parents.put(number, parent);
        numbers.put(node, reached);
        return number;
    }

    private void semidominators(int[] entries) {
        ways = tables.longs(reached);
        semis = tables.ints(reached);
        stack = tables.ints(reached);
        NodeSet entered = new NodeSet(root + 1);
        for (int entry : entries) {
            entered.add(entry);
        }
        int[] froms = new int[BATCH];
        int[] tos = new int[BATCH];
        int[] ahead = new int[READ_AHEAD];
        for (int last = reached - 1; last > 0; last -= BATCH) {
            int count = Math.min(BATCH, last);
            for (int k = 0; k < count; k++) {
                int node = vertices.intAt(last - k);
                boolean isKnown = single.has(node) || entered.has(node);
                froms[k] = isKnown ? 0 : backward.start(node);
                tos[k] = isKnown ? 0 : backward.end(node);
            }
            int read = readAhead(froms, tos, count, ahead);
            int at = 0;
            for (int k = 0; k < count; k++) {
                int i = last - k;
                int least = entered.has(vertices.intAt(i)) ? 0 : parents.intAt(i);
                int edges = tos[k] - froms[k];
                for (int edge = 0; edge < edges && least > 0; edge++) {
                    int number = edge < read - at ? ahead[at + edge] : numberOf(backward.word(froms[k] + edge));
                    if (number >= 0) {
                        least = Math.min(least, number <= i ? number : evaluate(number, i + 1));
                    }
                }
                at = Math.min(read, at + Math.min(read, edges));
                semis.put(i, least);
                ways.put(i, (long) parents.intAt(i) << Integer.SIZE | least);
            }
        }
        tables.free(ways);
        tables.free(stack);
    }

    /** Reads what leads to the nodes of a batch, all before any is looked at: so the processor need not wait for each. */
    private int readAhead(int[] froms, int[] tos, int count, int[] ahead) {
        int read = 0;
        for (int k = 0; k < count; k++) {
            int edges = Math.min(tos[k] - froms[k], ahead.length - read);
            for (int edge = 0; edge < edges; edge++) {
                ahead[read++] = backward.word(froms[k] + edge);
            }
        }
        for (int i = 0; i < read; i++) {
            ahead[i] = numberOf(ahead[i]);
        }
        return read;
    }

    /** The number of a node, negative if it is not reached or the edge does not count. */
    private int numberOf(int word) {
        int number = numbers.intAt(word & BlockIndex.MOST) - 1;
        return Links.counts(word, mask) ? number : -1;
    }

    /** The least semidominator on the way up, as far as that was searched; the way becomes short. */
    private int evaluate(int number, int searched) {
        long way = ways.longAt(number);
        if (way >> Integer.SIZE < searched) {
            return (int) way;
        }
        int depth = 0;
        int at = number;
        long above = way;
        while (above >> Integer.SIZE >= searched) {
            stack.put(depth++, at);
            at = (int) (above >> Integer.SIZE);
            above = ways.longAt(at);
        }
        long ancestor = above & ~LOW;
        int semi = (int) above;
        while (depth > 0) {
            int below = stack.intAt(--depth);
            semi = Math.min(semi, (int) ways.longAt(below));
            ways.put(below, ancestor | semi);
        }
        return semi;
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

    /** Each node comes after its dominator in the order of the search: so each adds to that, from the last one up. */
    private void sum(NodeSizes sizes) {
        retained = tables.longs(root + 1L);
        LocalArray sums = tables.longs(reached);
        for (int node = 0; node <= root; node++) {
            int number = numbers.intAt(node) - 1;
            if (number >= 0) {
                sums.put(number, sums.longAt(number) + sizes.size(node));
            } else if (leftOut.has(node)) {
                int holder = numbers.intAt(holder(node)) - 1;
                if (holder >= 0) {
                    long size = sizes.size(node);
                    retained.put(node, size);
                    sums.put(holder, sums.longAt(holder) + size);
                }
            }
        }
        for (int i = reached - 1; i > 0; i--) {
            int dominator = parents.intAt(i);
            sums.put(dominator, sums.longAt(dominator) + sums.longAt(i));
        }
        for (int node = 0; node <= root; node++) {
            int number = numbers.intAt(node) - 1;
            if (number >= 0) {
                retained.put(node, sums.longAt(number));
            }
        }
        tables.free(sums);
    }

    /** Where the only edge to a node comes from that was left out. */
    private int holder(int node) {
        return backward.word(backward.start(node)) & BlockIndex.MOST;
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
                int holder = holder(node);
                if (holder == root || numbers.intAt(holder) != UNREACHED) {
                    numbers.put(node, holder);
                }
            }
        }
        tables.free(vertices);
        tables.free(parents);
    }
}
