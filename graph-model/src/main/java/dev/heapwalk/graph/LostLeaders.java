// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.graph.Dominators.NodeSizes;
import dev.heapwalk.memory.raw.LocalArray;
import java.util.Arrays;

/**
 * Picks few nodes that lead to all of a graph that has no root: those that nothing leads to, and of each circle that
 * nothing else leads to the largest node. Circles are strongly connected components, by Tarjan's search without
 * recursion.
 */
final class LostLeaders {
    private final Links links;
    private final Rows forward;
    private final Rows backward;
    private final NodeSizes sizes;
    private final int nodes;
    /** What the leaders so far lead to. */
    private NodeSet led;

    private int[] found = new int[16];
    private int count;

    // Of the search, by node.
    private LocalArray numbers;
    private LocalArray lows;
    private LocalArray edges;
    private NodeSet finished;

    LostLeaders(Links links, NodeSizes sizes) {
        this.links = links;
        this.forward = links.forward();
        this.backward = links.backward();
        this.sizes = sizes;
        // The root is no such node.
        this.nodes = links.nodes() - 1;
    }

    int[] leaders() {
        for (int node = 0; node < nodes; node++) {
            if (backward.start(node) == backward.end(node)) {
                add(node);
            }
        }
        led = links.reach(Arrays.copyOf(found, count), Links.HOLDING);
        if (led.count() < nodes) {
            circles();
        }
        int[] leaders = Arrays.copyOf(found, count);
        Arrays.sort(leaders);
        return leaders;
    }

    private void add(int node) {
        if (count == found.length) {
            found = Arrays.copyOf(found, 2 * count);
        }
        found[count++] = node;
    }

    private void circles() {
        Tables tables = links.tables();
        numbers = tables.ints(nodes);
        lows = tables.ints(nodes);
        edges = tables.ints(nodes);
        finished = new NodeSet(nodes);
        try (IntStack way = new IntStack(tables);
                IntStack open = new IntStack(tables)) {
            int next = 1;
            for (int node = 0; node < nodes; node++) {
                if (!led.has(node) && numbers.intAt(node) == 0) {
                    next = search(node, next, way, open);
                }
            }
        }
        tables.free(numbers);
        tables.free(lows);
        tables.free(edges);
    }

    private int search(int from, int first, IntStack way, IntStack open) {
        int next = begin(from, first, way, open);
        while (!way.isEmpty()) {
            int node = way.pop();
            int edge = edges.intAt(node);
            if (edge < forward.end(node)) {
                edges.put(node, edge + 1);
                way.push(node);
                int other = forward.word(edge) & BlockIndex.MOST;
                if (led.has(other) || finished.has(other)) {
                    continue;
                }
                if (numbers.intAt(other) == 0) {
                    next = begin(other, next, way, open);
                } else {
                    lower(node, numbers.intAt(other));
                }
                continue;
            }
            if (lows.intAt(node) == numbers.intAt(node)) {
                close(node, open);
            }
            if (!way.isEmpty()) {
                int above = way.pop();
                way.push(above);
                lower(above, lows.intAt(node));
            }
        }
        return next;
    }

    private int begin(int node, int number, IntStack way, IntStack open) {
        numbers.put(node, number);
        lows.put(node, number);
        edges.put(node, forward.start(node));
        way.push(node);
        open.push(node);
        return number + 1;
    }

    private void lower(int node, int number) {
        if (number < lows.intAt(node)) {
            lows.put(node, number);
        }
    }

    /** A component is complete: all that was begun since its first node. */
    private void close(int firstNode, IntStack open) {
        int start = open.size() - 1;
        while (open.get(start) != firstNode) {
            start--;
        }
        int number = numbers.intAt(firstNode);
        int largest = firstNode;
        boolean source = true;
        for (int i = start; i < open.size(); i++) {
            int node = open.get(i);
            if (sizes.size(node) > sizes.size(largest) || sizes.size(node) == sizes.size(largest) && node < largest) {
                largest = node;
            }
            int end = backward.end(node);
            for (int edge = backward.start(node); edge < end && source; edge++) {
                source = isInside(backward.word(edge) & BlockIndex.MOST, number);
            }
        }
        while (open.size() > start) {
            finished.add(open.pop());
        }
        if (source) {
            add(largest);
        }
    }

    /** Whether a node is of the component that is closed now: begun since, and not yet finished. */
    private boolean isInside(int node, int number) {
        return numbers.intAt(node) >= number && !finished.has(node);
    }
}
