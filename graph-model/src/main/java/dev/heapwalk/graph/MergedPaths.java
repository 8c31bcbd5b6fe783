// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.memory.raw.LocalArray;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * The shortest ways from the root to many blocks as a tree: where many go through one node, that is what holds them.
 * Good until it is closed, or its graph is.
 */
public final class MergedPaths implements AutoCloseable {
    private final Links links;
    private final LocalArray before;
    private final LocalArray counts;
    private final LocalArray sums;

    MergedPaths(Links links, LocalArray before, LocalArray counts, LocalArray sums) {
        this.links = links;
        this.before = before;
        this.counts = counts;
        this.sums = sums;
    }

    /**
     * How many of the blocks have their way through a node, or are it.
     *
     * @param node the number of a node; that of the root for all
     * @return a count
     */
    public int count(int node) {
        return counts.intAt(node);
    }

    /**
     * How large the blocks are that have their way through a node, or are it.
     *
     * @param node the number of a node
     * @return bytes
     */
    public long bytes(int node) {
        return sums.longAt(node);
    }

    /**
     * Where the ways go on from a node.
     *
     * @param node the number of a node
     * @return the numbers of the next nodes, that with most blocks first
     */
    public int[] next(int node) {
        Rows forward = links.forward();
        return IntStream.range(forward.start(node), forward.end(node))
                .map(edge -> forward.word(edge) & BlockIndex.MOST)
                .filter(other -> counts.intAt(other) > 0 && before.intAt(other) == node + 1)
                .distinct()
                .boxed()
                .sorted(Comparator.comparing((Integer other) -> -counts.intAt(other))
                        .thenComparing(Comparator.naturalOrder()))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** Frees its tables. A second call does nothing. */
    @Override
    public void close() {
        links.tables().free(counts);
        links.tables().free(sums);
    }
}
