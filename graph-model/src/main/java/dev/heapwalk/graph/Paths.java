// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.graph.Dominators.NodeSizes;
import dev.heapwalk.memory.raw.LocalArray;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** Ways from roots to blocks, by all edges but weak ones. For one thread; good as long as its graph is open. */
public final class Paths {
    private final Links links;
    private final int blocks;
    private final NodeSizes sizes;
    /** By node: the one before it on a shortest way, and 1; 0 where there is none. Null until it is asked for. */
    private LocalArray before;

    /** The nodes that are reached, the nearest first. */
    private LocalArray order;

    private LocalArray distances;
    private int reached;

    Paths(Links links, int blocks, NodeSizes sizes) {
        this.links = links;
        this.blocks = blocks;
        this.sizes = sizes;
    }

    /**
     * Finds the shortest ways from a block to roots. Of ways that go through the same block, only the shortest is
     * found, so that each tells something new.
     *
     * @param node the number of a block
     * @param most how many ways are wanted
     * @return the ways, the shortest first; none if no root leads to it
     */
    public List<HeapPath> toRoots(int node, int most) {
        List<HeapPath> found = new ArrayList<>();
        if (Objects.checkIndex(node, links.nodes()) >= blocks) {
            return found;
        }
        Rows backward = links.backward();
        NodeSet seen = new NodeSet(links.nodes());
        try (IntStack nodes = new IntStack(links.tables());
                IntStack ways = new IntStack(links.tables())) {
            seen.add(node);
            nodes.push(node);
            ways.push(-1);
            for (int at = 0; at < nodes.size() && found.size() < most; at++) {
                int current = nodes.get(at);
                int end = backward.end(current);
                for (int edge = backward.start(current); edge < end && found.size() < most; edge++) {
                    int word = backward.word(edge);
                    int other = word & BlockIndex.MOST;
                    if (seen.has(other) || !Links.counts(word, Links.HOLDING)) {
                        continue;
                    }
                    seen.add(other);
                    if (other >= blocks) {
                        found.add(path(other, at, nodes, ways));
                    } else {
                        nodes.push(other);
                        ways.push(at);
                    }
                }
            }
        }
        return found;
    }

    private static HeapPath path(int group, int from, IntStack nodes, IntStack ways) {
        int length = 1;
        for (int at = from; at >= 0; at = ways.get(at)) {
            length++;
        }
        int[] path = new int[length];
        path[--length] = group;
        for (int at = from; at >= 0; at = ways.get(at)) {
            path[--length] = nodes.get(at);
        }
        return new HeapPath(path);
    }

    private void search() {
        if (before != null) {
            return;
        }
        Tables tables = links.tables();
        Rows forward = links.forward();
        before = tables.ints(links.nodes());
        distances = tables.ints(links.nodes());
        order = tables.ints(links.nodes());
        int root = links.root();
        order.put(0, root);
        before.put(root, root + 1);
        reached = 1;
        for (int at = 0; at < reached; at++) {
            int node = order.intAt(at);
            int end = forward.end(node);
            for (int edge = forward.start(node); edge < end; edge++) {
                int word = forward.word(edge);
                int other = word & BlockIndex.MOST;
                if (Links.counts(word, Links.HOLDING) && before.intAt(other) == 0) {
                    before.put(other, node + 1);
                    distances.put(other, distances.intAt(node) + 1);
                    order.put(reached++, other);
                }
            }
        }
    }

    /**
     * How many edges there are on a shortest way from the root.
     *
     * @param node the number of a node
     * @return 0 for the root, 1 for a group, 2 for a block that a root holds; -1 if it is not reached
     */
    public int distance(int node) {
        search();
        return before.intAt(node) == 0 ? -1 : distances.intAt(node);
    }

    /**
     * The node before a node on a shortest way from the root, always the same one.
     *
     * @param node the number of a node
     * @return the number of the other node; -1 for the root, and for one that is not reached
     */
    public int before(int node) {
        search();
        return node == links.root() ? -1 : before.intAt(node) - 1;
    }

    /**
     * Merges the shortest ways from the root to many blocks, one for each, into a tree.
     *
     * @param nodes the numbers of the blocks; one that is not reached is left out
     * @return the tree
     */
    public MergedPaths merged(int[] nodes) {
        search();
        Tables tables = links.tables();
        LocalArray counts = tables.ints(links.nodes());
        LocalArray sums = tables.longs(links.nodes());
        for (int node : Arrays.stream(nodes).distinct().toArray()) {
            if (before.intAt(node) != 0) {
                counts.put(node, 1);
                sums.put(node, sizes.size(node));
            }
        }
        for (int at = reached - 1; at > 0; at--) {
            int node = order.intAt(at);
            if (counts.intAt(node) > 0) {
                int above = before.intAt(node) - 1;
                counts.put(above, counts.intAt(above) + counts.intAt(node));
                sums.put(above, sums.longAt(above) + sums.longAt(node));
            }
        }
        return new MergedPaths(links, before, counts, sums);
    }
}
