// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.memory.UnsupportedTargetException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What is lost, and the ways to what is not, beside plain definitions on random graphs. */
class LeaksAndPathsTest {
    private static final EdgeKind[] HOLDING = {EdgeKind.OWNS, EdgeKind.REFERS, EdgeKind.INTERIOR, EdgeKind.PAST_END};

    private static long size(int node) {
        return node * 13L % 17 + 1;
    }

    @Test
    void leaksAreWhatIsNotReached() {
        Random random = new Random(3);
        for (int round = 0; round < 1_000; round++) {
            PlainGraph graph = PlainGraph.random(random, 5 + round % 50, EdgeKind.values());
            try (Tables tables = new Tables(GraphOptions.DEFAULT)) {
                Leaks leaks = Leaks.of(graph.links(tables), graph.root(), LeaksAndPathsTest::size);
                check(graph, leaks);
            }
        }
    }

    private static void check(PlainGraph graph, Leaks leaks) {
        int[] root = {graph.root()};
        BitSet surely = graph.reach(root, -1, EdgeKind.OWNS, EdgeKind.REFERS);
        BitSet interior = graph.reach(root, -1, EdgeKind.OWNS, EdgeKind.REFERS, EdgeKind.INTERIOR);
        BitSet any = graph.reach(root, -1, HOLDING);
        BitSet lost = new BitSet();
        lost.set(0, graph.root());
        lost.andNot(any);
        for (int node = 0; node < graph.root(); node++) {
            Held held = surely.get(node)
                    ? Held.SURELY
                    : interior.get(node) ? Held.BY_INTERIOR : any.get(node) ? Held.BY_END : Held.NOT;
            assertThat(leaks.held(node)).isEqualTo(held);
        }
        assertThat(leaks.count()).isEqualTo(lost.cardinality());
        assertThat(leaks.bytes())
                .isEqualTo(lost.stream().mapToLong(LeaksAndPathsTest::size).sum());
        // Who reaches a lost node without being reached by it is above it; a leader has nobody above it.
        List<BitSet> below = new ArrayList<>();
        for (int node = 0; node < graph.root(); node++) {
            below.add(graph.reach(new int[] {node}, -1, HOLDING));
        }
        TreeSet<Integer> leaders = new TreeSet<>();
        lost.stream()
                .filter(node -> lost.stream()
                        .noneMatch(one ->
                                below.get(one).get(node) && !below.get(node).get(one)))
                .forEach(node -> leaders.add(lost.stream()
                        .filter(one -> below.get(one).get(node))
                        .reduce((one, other) -> size(other) > size(one) ? other : one)
                        .orElseThrow()));
        List<Integer> found = IntStream.range(0, leaks.leaderCount())
                .map(leaks::leader)
                .boxed()
                .toList();
        assertThat(found).containsExactlyElementsOf(leaders);
        assertThat(leaks.directBytes())
                .isEqualTo(leaders.stream().mapToLong(LeaksAndPathsTest::size).sum());
        for (int i = 0; i < found.size(); i++) {
            int leader = found.get(i);
            BitSet alone = (BitSet) below.get(leader).clone();
            alone.and(lost);
            found.stream().filter(other -> other != leader).forEach(other -> alone.andNot(below.get(other)));
            assertThat(leaks.bytesBelow(i) + size(leader))
                    .isEqualTo(alone.stream().mapToLong(LeaksAndPathsTest::size).sum());
            assertThat(leaks.isInCircle(i))
                    .isEqualTo(lost.stream()
                            .anyMatch(one -> one != leader
                                    && below.get(one).get(leader)
                                    && below.get(leader).get(one)));
        }
    }

    @Test
    void pathsAreShortestAndLeadToRoots() {
        Random random = new Random(5);
        for (int round = 0; round < 700; round++) {
            PlainGraph graph = PlainGraph.random(random, 8 + round % 40, EdgeKind.values());
            // The last nodes before the root are groups, which alone it leads to.
            int groups = Math.min(2, graph.nodes - 2);
            int blocks = graph.nodes - 1 - groups;
            graph.edges.get(graph.root()).clear();
            for (int node = 0; node < graph.root(); node++) {
                graph.edges.get(node).removeIf(edge -> edge.to() >= blocks);
            }
            for (int group = blocks; group < graph.root(); group++) {
                graph.add(graph.root(), group, EdgeKind.OWNS);
            }
            try (Tables tables = new Tables(GraphOptions.DEFAULT)) {
                Paths paths = new Paths(graph.links(tables), blocks, LeaksAndPathsTest::size);
                check(graph, blocks, paths, random);
            }
        }
    }

    private static void check(PlainGraph graph, int blocks, Paths paths, Random random) {
        int[] distances = new int[graph.nodes];
        Arrays.fill(distances, -1);
        distances[graph.root()] = 0;
        for (int step = 0; step < graph.nodes; step++) {
            for (int node = 0; node < graph.nodes; node++) {
                for (PlainGraph.Edge edge : graph.edges.get(node)) {
                    if (distances[node] == step && edge.kind() != EdgeKind.WEAK && distances[edge.to()] < 0) {
                        distances[edge.to()] = step + 1;
                    }
                }
            }
        }
        for (int node = 0; node < graph.nodes; node++) {
            assertThat(paths.distance(node)).isEqualTo(distances[node]);
        }
        for (int node = 0; node < blocks; node++) {
            List<HeapPath> found = paths.toRoots(node, 3);
            assertThat(found.isEmpty()).isEqualTo(distances[node] < 0);
            if (!found.isEmpty()) {
                assertThat(found.getFirst().length()).isEqualTo(distances[node]);
            }
            for (HeapPath path : found) {
                assertThat(path.node(0)).isEqualTo(node);
                assertThat(path.node(path.length() - 1)).isBetween(blocks, graph.root() - 1);
                for (int i = 1; i < path.length(); i++) {
                    int to = path.node(i - 1);
                    assertThat(graph.edges.get(path.node(i)))
                            .anyMatch(edge -> edge.to() == to && edge.kind() != EdgeKind.WEAK);
                }
            }
        }
        int[] wanted = random.ints(5, 0, blocks).distinct().toArray();
        try (MergedPaths merged = paths.merged(wanted)) {
            long reached =
                    IntStream.of(wanted).filter(node -> distances[node] >= 0).count();
            assertThat(merged.count(graph.root())).isEqualTo((int) reached);
            for (int node : wanted) {
                for (int at = node; at != graph.root() && distances[node] >= 0; at = paths.before(at)) {
                    assertThat(distances[paths.before(at)]).isEqualTo(distances[at] - 1);
                    assertThat(merged.next(paths.before(at))).contains(at);
                    assertThat(merged.count(at)).isPositive();
                }
            }
            for (int node = 0; node < graph.nodes; node++) {
                int at = node;
                int own = IntStream.of(wanted).anyMatch(one -> one == at) && distances[node] >= 0 ? 1 : 0;
                assertThat(merged.count(node))
                        .isEqualTo(own
                                + IntStream.of(merged.next(node))
                                        .map(merged::count)
                                        .sum());
                assertThat(merged.bytes(node))
                        .isEqualTo(own * size(node)
                                + IntStream.of(merged.next(node))
                                        .mapToLong(merged::bytes)
                                        .sum());
            }
        }
    }

    @Test
    void refusesMoreEdgesThanItHasRoomFor() {
        try (Tables tables = new Tables(GraphOptions.DEFAULT)) {
            RowWriter writer = new RowWriter(tables);
            writer.begin();
            for (int i = 1; i <= 11; i++) {
                writer.add(i);
            }
            writer.end(0);
            assertThatThrownBy(() -> Rows.of(tables, 12, List.of(writer), 10))
                    .isInstanceOf(UnsupportedTargetException.class)
                    .hasMessage("the blocks refer to each other 11 times, and a graph has at most 10 edges");
        }
    }
}
