// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Bytes;
import dev.heapwalk.graph.Dominators;
import dev.heapwalk.graph.HeapGraph;
import dev.heapwalk.heap.usage.Category;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * Finds what holds so much that it is worth a look, as Eclipse's Memory Analyzer does: a holder right below the roots
 * that keeps more than a tenth of all alive, or many of one category that do so together; and where what it keeps
 * branches out.
 */
final class Suspects {
    /** Of what is reached, in percent. */
    private static final int MUCH = 10;
    /** As long as one holder below has so much of it, in percent, that is where it comes together. */
    private static final int MOSTLY = 70;

    /** Farther down than where half of it is, as in a long list, nothing comes together. */
    private static final int HALF = 50;

    private static final int MOST_STEPS = 1000;

    private final GraphNodes nodes;
    private final HeapGraph graph;
    private final NodeCategories categories;
    private final Dominators dominators;
    private final long all;

    private static final class Sum {
        private long count;
        private long bytes;
    }

    /**
     * Looks at what dominators tell.
     *
     * @param categories knows at least those of {@link #tops}
     */
    Suspects(GraphNodes nodes, NodeCategories categories) {
        this.nodes = nodes;
        this.graph = nodes.graph();
        this.categories = categories;
        this.dominators = graph.dominators();
        this.all = dominators.retained(graph.root());
    }

    /** What is suspect, in sentences; the largest first. */
    List<String> find() {
        List<Integer> single = new ArrayList<>();
        Map<Category, Sum> many = new HashMap<>();
        forEachTop(graph, node -> sort(node, single, many));
        List<String> found = new ArrayList<>();
        single.stream()
                .sorted(Comparator.comparingLong((Integer node) -> dominators.retained(node))
                        .reversed())
                .forEach(node -> found.add(ofOne(node)));
        many.entrySet().stream()
                .filter(entry -> entry.getValue().count > 1 && percent(entry.getValue().bytes) >= MUCH)
                .sorted(Comparator.comparingLong((Map.Entry<Category, Sum> entry) -> entry.getValue().bytes)
                        .reversed())
                .forEach(entry -> found.add("%,d of %s hold %s together, %d %% of what is reached."
                        .formatted(
                                entry.getValue().count,
                                entry.getKey(),
                                Bytes.text(entry.getValue().bytes),
                                percent(entry.getValue().bytes))));
        return found;
    }

    /** The nodes whose categories count. */
    static BitSet tops(HeapGraph graph) {
        BitSet tops = new BitSet();
        forEachTop(graph, tops::set);
        return tops;
    }

    private static void forEachTop(HeapGraph graph, IntConsumer action) {
        Dominators dominators = graph.dominators();
        for (int i = 0; i < dominators.childCount(graph.root()); i++) {
            int child = dominators.child(graph.root(), i);
            if (graph.isBlock(child)) {
                action.accept(child);
            } else {
                // Roots of a kind hold nothing together.
                for (int j = 0; j < dominators.childCount(child); j++) {
                    action.accept(dominators.child(child, j));
                }
            }
        }
    }

    private void sort(int node, List<Integer> single, Map<Category, Sum> many) {
        if (percent(dominators.retained(node)) >= MUCH) {
            single.add(node);
        } else {
            Sum sum = many.computeIfAbsent(categories.of(node), _ -> new Sum());
            sum.count++;
            sum.bytes += dominators.retained(node);
        }
    }

    private String ofOne(int node) {
        int at = node;
        for (int step = 0; step < MOST_STEPS; step++) {
            int[] largest = dominators.largestChildren(at, 1);
            if (largest.length == 0 || !isMost(largest[0], at, MOSTLY) || !isMost(largest[0], node, HALF)) {
                break;
            }
            at = largest[0];
        }
        String where = at == node
                ? ""
                : " It comes together in %s, which holds %s in %,d parts."
                        .formatted(nodes.text(at), Bytes.text(dominators.retained(at)), dominators.childCount(at));
        return "%s, held by %s, holds %s, %d %% of what is reached.%s"
                .formatted(
                        nodes.text(node),
                        nodes.heldBy(node),
                        Bytes.text(dominators.retained(node)),
                        percent(dominators.retained(node)),
                        where);
    }

    /** Whether a node holds so much of what another one above it holds. */
    private boolean isMost(int node, int above, int percent) {
        return dominators.retained(node) * 100.0 >= percent * (double) dominators.retained(above);
    }

    private long percent(long bytes) {
        return all == 0 ? 0 : Math.round(100.0 * bytes / all);
    }
}
