// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.graph.Dominators.NodeSizes;
import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.memory.raw.LocalArray;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * The blocks that no root leads to. Each hangs below a leader, which nothing refers to; of blocks that refer to each
 * other in a circle, and that nothing else refers to, the largest is the leader. Each lost block is counted once.
 *
 * <p>Good as long as its graph is open. Any thread may ask.
 */
public final class Leaks {
    private static final int SURE = Links.mask(Set.of(EdgeKind.OWNS, EdgeKind.REFERS));
    private static final int INTERIOR = SURE | Links.mask(Set.of(EdgeKind.INTERIOR));

    private final NodeSet sure;
    private final NodeSet interior;
    private final NodeSet any;
    private final int[] leaders;
    private final boolean[] circles;
    private final long[] below;
    private final int count;
    private final long bytes;
    private final long directBytes;

    private Leaks(Links links, int blocks, NodeSizes sizes) {
        this.sure = links.reach(new int[] {links.root()}, SURE);
        this.interior = links.wider(sure, INTERIOR);
        this.any = links.wider(interior, Links.HOLDING);
        int[] lost = new int[64];
        int found = 0;
        long sum = 0;
        for (int node = 0; node < blocks; node++) {
            if (!any.has(node)) {
                if (found == lost.length) {
                    lost = Arrays.copyOf(lost, 2 * found);
                }
                lost[found++] = node;
                sum += sizes.size(node);
            }
        }
        this.count = found;
        this.bytes = sum;
        int[] nodes = Arrays.copyOf(lost, found);
        try (Tables tables = new Tables(links.tables().options())) {
            Links between = between(links, tables, nodes);
            LostLeaders search = new LostLeaders(between, number -> sizes.size(nodes[number]));
            int[] first = search.leaders();
            Dominators dominators = Dominators.of(
                    between, first, Links.HOLDING, number -> number < nodes.length ? sizes.size(nodes[number]) : 0);
            this.leaders = new int[first.length];
            this.circles = new boolean[first.length];
            this.below = new long[first.length];
            long direct = 0;
            for (int i = 0; i < first.length; i++) {
                leaders[i] = nodes[first[i]];
                circles[i] =
                        between.backward().start(first[i]) != between.backward().end(first[i]);
                below[i] = dominators.retained(first[i]) - sizes.size(leaders[i]);
                direct += sizes.size(leaders[i]);
            }
            this.directBytes = direct;
        }
    }

    static Leaks of(Links links, int blocks, NodeSizes sizes) {
        return new Leaks(links, blocks, sizes);
    }

    /** The edges between lost blocks alone, numbered anew; the root leads to none. */
    private static Links between(Links links, Tables tables, int[] lost) {
        Rows forward = links.forward();
        RowWriter writer = new RowWriter(tables);
        LocalArray numbers = tables.ints(links.nodes());
        for (int i = 0; i < lost.length; i++) {
            numbers.put(lost[i], i + 1);
        }
        for (int i = 0; i < lost.length; i++) {
            writer.begin();
            int end = forward.end(lost[i]);
            for (int edge = forward.start(lost[i]); edge < end; edge++) {
                int word = forward.word(edge);
                int number = numbers.intAt(word & BlockIndex.MOST) - 1;
                if (number >= 0 && Links.counts(word, Links.HOLDING)) {
                    writer.add(word & ~BlockIndex.MOST | number);
                }
            }
            writer.end(i);
        }
        tables.free(numbers);
        return Links.of(tables, Rows.of(tables, lost.length + 1, List.of(writer), Rows.MOST_EDGES));
    }

    /**
     * How surely a block is held.
     *
     * @param block the number of a block
     * @return the answer
     */
    public Held held(int block) {
        return sure.has(block)
                ? Held.SURELY
                : interior.has(block) ? Held.BY_INTERIOR : any.has(block) ? Held.BY_END : Held.NOT;
    }

    /**
     * How many blocks are lost.
     *
     * @return a count of those that nothing holds
     */
    public int count() {
        return count;
    }

    /**
     * How large the lost blocks are together.
     *
     * @return bytes, with what the allocator needs itself
     */
    public long bytes() {
        return bytes;
    }

    /**
     * How large the leaders are together: what is lost directly. All else that is lost hangs below them.
     *
     * @return bytes
     */
    public long directBytes() {
        return directBytes;
    }

    /**
     * How many leaders there are.
     *
     * @return a count
     */
    public int leaderCount() {
        return leaders.length;
    }

    /**
     * A lost block that all others near it hang below.
     *
     * @param index from 0 to {@link #leaderCount()}
     * @return the number of the block; they come in ascending order
     */
    public int leader(int index) {
        return leaders[index];
    }

    /**
     * Whether a leader is one of a circle of blocks that refer to each other.
     *
     * @param index the index of a leader
     * @return whether something that is lost refers to it
     */
    public boolean isInCircle(int index) {
        return circles[index];
    }

    /**
     * What is lost through one leader alone, besides that itself. What hangs below several leaders is in none of these
     * sums.
     *
     * @param index the index of a leader
     * @return bytes
     */
    public long bytesBelow(int index) {
        return below[index];
    }

    /**
     * Says how much is lost.
     *
     * @return a line for a person
     */
    @Override
    public String toString() {
        return "%d lost blocks of %d bytes below %d leaders".formatted(count, bytes, leaders.length);
    }
}
