// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.heap.EdgeKind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;

/** A graph as lists, and what follows from it by its plain definition. The root is the last node. */
final class PlainGraph {
    record Edge(int to, EdgeKind kind) {}

    final int nodes;
    final List<List<Edge>> edges = new ArrayList<>();

    PlainGraph(int nodes) {
        this.nodes = nodes;
        for (int i = 0; i < nodes; i++) {
            edges.add(new ArrayList<>());
        }
    }

    static PlainGraph random(Random random, int most, EdgeKind... kinds) {
        int nodes = 2 + random.nextInt(most);
        PlainGraph graph = new PlainGraph(nodes);
        for (int i = random.nextInt(3 * nodes); i >= 0; i--) {
            int from = random.nextInt(nodes - 1);
            // Near ones are likelier, so that there are long ways.
            int to = random.nextInt(3) == 0
                    ? random.nextInt(nodes - 1)
                    : Math.floorMod(from + random.nextInt(5) - 1, nodes - 1);
            graph.add(from, to, kinds[random.nextInt(kinds.length)]);
        }
        for (int i = random.nextInt(3); i >= 0; i--) {
            graph.add(nodes - 1, random.nextInt(nodes - 1), EdgeKind.OWNS);
        }
        return graph;
    }

    int root() {
        return nodes - 1;
    }

    void add(int from, int to, EdgeKind kind) {
        if (from != to) {
            edges.get(from).add(new Edge(to, kind));
        }
    }

    Links links(Tables tables) {
        RowWriter writer = new RowWriter(tables);
        for (int node = 0; node < nodes; node++) {
            writer.begin();
            for (Edge edge : edges.get(node)) {
                writer.add(edge.kind.ordinal() << BlockIndex.KIND_SHIFT | edge.to);
            }
            writer.end(node);
        }
        return Links.of(tables, Rows.of(tables, nodes, List.of(writer), Rows.MOST_EDGES));
    }

    /** What some nodes lead to by edges of some kinds without one that is removed. */
    BitSet reach(int[] from, int removed, EdgeKind... kinds) {
        BitSet reached = new BitSet();
        ArrayDeque<Integer> waiting = new ArrayDeque<>();
        for (int node : from) {
            reached.set(node);
            waiting.add(node);
        }
        while (!waiting.isEmpty()) {
            for (Edge edge : edges.get(waiting.remove())) {
                if (edge.to != removed
                        && !reached.get(edge.to)
                        && Arrays.asList(kinds).contains(edge.kind)) {
                    reached.set(edge.to);
                    waiting.add(edge.to);
                }
            }
        }
        return reached;
    }
}
