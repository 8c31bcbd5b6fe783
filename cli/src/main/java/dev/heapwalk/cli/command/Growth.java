// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.graph.Dominators;
import dev.heapwalk.graph.HeapGraph;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/** By how much retained sizes have grown since an earlier time. */
final class Growth {
    /** As long as one holder below has so much of the growth, in percent, it is there. */
    private static final int MOSTLY = 70;

    private static final int MOST_STEPS = 1000;
    private static final int MOST_POINTS = 5;

    private final RetainedBefore before;
    private final HeapGraph graph;
    private final Dominators dominators;

    Growth(RetainedBefore before, HeapGraph graph) {
        this.before = before;
        this.graph = graph;
        this.dominators = graph.dominators();
    }

    /** By how many bytes a node has grown; below 0 if it has shrunk. */
    long of(int node) {
        return dominators.retained(node) - before.of(graph, node);
    }

    /** By how many bytes all that is reached has grown; 0 if it has not. */
    long ofAll() {
        return Math.max(0, of(graph.root()));
    }

    /** Those right below a node that have grown, by most first. */
    List<Integer> largestChildren(int node, int most) {
        record Child(int node, long grown) {}
        PriorityQueue<Child> first = new PriorityQueue<>(Comparator.comparingLong(Child::grown));
        for (int i = 0; i < dominators.childCount(node); i++) {
            int child = dominators.child(node, i);
            long grown = of(child);
            if (grown > 0 && (first.size() < most || grown > first.peek().grown)) {
                first.add(new Child(child, grown));
                if (first.size() > most) {
                    first.remove();
                }
            }
        }
        return first.stream()
                .sorted(Comparator.comparingLong(Child::grown).reversed())
                .map(Child::node)
                .toList();
    }

    /** Where growth comes together: down from each holder that has grown by so much, as long as one below has most of it. */
    List<Integer> points(long fewest) {
        List<Integer> points = new ArrayList<>();
        for (int top : largestChildren(graph.root(), MOST_POINTS)) {
            if (of(top) < fewest) {
                break;
            }
            int at = top;
            for (int step = 0; step < MOST_STEPS; step++) {
                List<Integer> largest = largestChildren(at, 1);
                if (largest.isEmpty() || of(largest.getFirst()) * 100.0 < MOSTLY * (double) of(at)) {
                    break;
                }
                at = largest.getFirst();
            }
            if (graph.isBlock(at)) {
                points.add(at);
            }
        }
        return points;
    }
}
