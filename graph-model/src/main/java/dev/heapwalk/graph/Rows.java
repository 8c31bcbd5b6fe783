// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.raw.Crew;
import dev.heapwalk.memory.raw.LocalArray;
import java.util.List;

/**
 * For each node the nodes that it leads to, in compressed rows: one number for each node and one for each edge, which
 * has the other node and, above {@link BlockIndex#KIND_SHIFT}, the kind.
 */
final class Rows {
    /** A graph with more edges is refused: a position must fit into an int. */
    static final long MOST_EDGES = Integer.MAX_VALUE - 1L;

    private final Tables tables;
    private final int nodes;
    private final LocalArray starts;
    private final LocalArray targets;

    private Rows(Tables tables, int nodes, LocalArray starts, LocalArray targets) {
        this.tables = tables;
        this.nodes = nodes;
        this.starts = starts;
        this.targets = targets;
    }

    /** Puts the rows in order that several have written. Each node has at most one row. */
    static Rows of(Tables tables, int nodes, List<RowWriter> writers, long most) {
        long edges = writers.stream().mapToLong(RowWriter::edges).sum();
        if (edges > most) {
            throw new UnsupportedTargetException(
                    "the blocks refer to each other %d times, and a graph has at most %d edges".formatted(edges, most));
        }
        LocalArray starts = tables.ints(nodes + 1L);
        for (RowWriter writer : writers) {
            writer.forEach((node, piece, at, count) -> starts.put(node + 1L, count));
        }
        for (int node = 0; node < nodes; node++) {
            starts.put(node + 1L, starts.intAt(node) + starts.intAt(node + 1L));
        }
        LocalArray targets = tables.ints(edges);
        for (RowWriter writer : writers) {
            writer.forEach((node, piece, at, count) -> piece.copy(at, count, targets, starts.intAt(node)));
            writer.close();
        }
        return new Rows(tables, nodes, starts, targets);
    }

    /** The same edges, from where they lead to. */
    Rows reversed() {
        LocalArray places = tables.ints(nodes + 2L);
        LocalArray sources = tables.ints(edges());
        int threads = tables.options().threads();
        // Each thread has some of the nodes: it reads all edges, which costs little in their order.
        Crew.work("graph", threads, thread -> {
            int from = share(thread, threads);
            int to = share(thread + 1, threads);
            long edges = edges();
            for (long edge = 0; edge < edges; edge++) {
                int target = targets.intAt(edge) & BlockIndex.MOST;
                if (target >= from && target < to) {
                    places.put(target + 2L, places.intAt(target + 2L) + 1);
                }
            }
        });
        for (int node = 0; node < nodes; node++) {
            places.put(node + 2L, places.intAt(node + 1L) + places.intAt(node + 2L));
        }
        Crew.work("graph", threads, thread -> {
            int from = share(thread, threads);
            int to = share(thread + 1, threads);
            for (int node = 0; node < nodes; node++) {
                int end = starts.intAt(node + 1L);
                for (int edge = starts.intAt(node); edge < end; edge++) {
                    int word = targets.intAt(edge);
                    int target = word & BlockIndex.MOST;
                    if (target >= from && target < to) {
                        int place = places.intAt(target + 1L);
                        places.put(target + 1L, place + 1);
                        sources.put(place, word & ~BlockIndex.MOST | node);
                    }
                }
            }
        });
        return new Rows(tables, nodes, places, sources);
    }

    private int share(int thread, int threads) {
        return (int) ((long) nodes * thread / threads);
    }

    int nodes() {
        return nodes;
    }

    int edges() {
        return starts.intAt(nodes);
    }

    int start(int node) {
        return starts.intAt(node);
    }

    int end(int node) {
        return starts.intAt(node + 1L);
    }

    /** The other node and the kind. */
    int word(int edge) {
        return targets.intAt(edge);
    }

    /** Changes the kind of an edge, before there are rows the other way. */
    void setWord(int edge, int word) {
        targets.put(edge, word);
    }

    void free() {
        tables.free(starts);
        tables.free(targets);
    }
}
