// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.EdgeKind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Dominators beside their plain definition: a node is removed, and what is not reached any more was held by it. */
class DominatorsTest {
    private static final EdgeKind[] KINDS = {EdgeKind.OWNS, EdgeKind.REFERS, EdgeKind.INTERIOR, EdgeKind.WEAK};
    private static final EdgeKind[] HOLDING = {EdgeKind.OWNS, EdgeKind.REFERS, EdgeKind.INTERIOR, EdgeKind.PAST_END};

    @TempDir
    Path folder;

    private Tables tables = new Tables(GraphOptions.DEFAULT);

    @AfterEach
    void free() {
        tables.close();
    }

    private static long size(int node) {
        return node * 7L % 31 + 1;
    }

    private Dominators dominators(PlainGraph graph) {
        Links links = graph.links(tables);
        return Dominators.of(links, links.entries(), Links.HOLDING, DominatorsTest::size);
    }

    @Test
    void areThoseOfTheDefinition() {
        Random random = new Random(18);
        for (int round = 0; round < 10_000; round++) {
            PlainGraph graph = PlainGraph.random(random, 6 + round % 60, KINDS);
            compare(graph, dominators(graph), round, random);
            if (round % 100 == 0) {
                tables.close();
            }
        }
    }

    private static void compare(PlainGraph graph, Dominators dominators, int round, Random random) {
        int[] root = {graph.root()};
        BitSet reached = graph.reach(root, -1, HOLDING);
        List<BitSet> lost = new ArrayList<>();
        int[] depth = new int[graph.nodes];
        for (int node = 0; node < graph.nodes; node++) {
            BitSet without = new BitSet();
            if (reached.get(node) && node != graph.root()) {
                without.or(reached);
                without.andNot(graph.reach(root, node, HOLDING));
            } else if (node == graph.root()) {
                without.or(reached);
            }
            lost.add(without);
            without.stream().forEach(one -> depth[one]++);
        }
        int[] categories = random.ints(graph.nodes, -1, 3).toArray();
        long[] sums = new long[3];
        for (int node = 0; node < graph.nodes; node++) {
            int at = node;
            assertThat(dominators.reached(node)).isEqualTo(reached.get(node));
            assertThat(dominators.retained(node))
                    .as("graph %d, node %d", round, node)
                    .isEqualTo(lost.get(node).stream()
                            .mapToLong(DominatorsTest::size)
                            .sum());
            // The nearest of those that dominate it has one fewer above itself.
            int nearest = !reached.get(node) || node == graph.root()
                    ? -1
                    : IntStream.range(0, graph.nodes)
                            .filter(one -> one != at && lost.get(one).get(at))
                            .reduce((one, other) -> depth[one] > depth[other] ? one : other)
                            .orElseThrow();
            assertThat(dominators.dominator(node)).isEqualTo(nearest);
            int[] chain = dominators.chain(node);
            assertThat(chain.length).isEqualTo(depth[node]);
            if (reached.get(node)
                    && categories[node] >= 0
                    && Arrays.stream(chain)
                                    .filter(one -> categories[one] == categories[at])
                                    .count()
                            == 1) {
                sums[categories[node]] += dominators.retained(node);
            }
            List<Integer> children = IntStream.range(0, graph.nodes)
                    .filter(one -> dominators.dominator(one) == at)
                    .boxed()
                    .toList();
            assertThat(IntStream.range(0, dominators.childCount(node)).mapToObj(i -> dominators.child(at, i)))
                    .containsExactlyElementsOf(children);
            assertThat(dominators.largestChildren(node, 3))
                    .containsExactly(children.stream()
                            .sorted(Comparator.comparing((Integer one) -> -dominators.retained(one))
                                    .thenComparing(Comparator.naturalOrder()))
                            .limit(3)
                            .mapToInt(Integer::intValue)
                            .toArray());
        }
        assertThat(dominators.retainedBy(node -> categories[node], 3)).containsExactly(sums);
    }

    /** Of a large graph whose rows are made on the way. */
    private Dominators large(int nodes, IntFunction<int[]> row) {
        RowWriter writer = new RowWriter(tables);
        for (int node = 0; node <= nodes; node++) {
            writer.begin();
            for (int other : row.apply(node)) {
                if (other >= 0 && other < nodes) {
                    writer.add(EdgeKind.REFERS.ordinal() << BlockIndex.KIND_SHIFT | other);
                }
            }
            writer.end(node);
        }
        Links links = Links.of(tables, Rows.of(tables, nodes + 1, List.of(writer), Rows.MOST_EDGES));
        return Dominators.of(links, links.entries(), Links.HOLDING, node -> node == nodes ? 0 : 1);
    }

    private static final int MANY = 1_000_000;

    @Test
    void ofAListAreItsElements() {
        Dominators list = large(MANY, node -> node == MANY ? new int[] {0} : new int[] {node + 1});
        for (int node = 0; node < MANY; node += 997) {
            assertThat(list.retained(node)).isEqualTo(MANY - node);
            assertThat(list.dominator(node)).isEqualTo(node == 0 ? MANY : node - 1);
        }
        assertThat(list.chain(MANY - 1)).hasSize(MANY + 1);
        assertThat(list.retainedBy(node -> 0, 1)).containsExactly(MANY);
    }

    @Test
    void ofADoublyLinkedListHeldAtBothEndsAreNone() {
        Dominators list = large(MANY, node -> node == MANY ? new int[] {0, MANY - 1} : new int[] {node - 1, node + 1});
        for (int node = 0; node < MANY; node += 997) {
            assertThat(list.retained(node)).isEqualTo(1);
            assertThat(list.dominator(node)).isEqualTo(MANY);
        }
    }

    /** From the far end of a chain an edge leads to each node of it: all are dominated by who comes before them. */
    @Test
    void ofAChainWithEdgesBackAreItsNodes() {
        Dominators chain = large(
                MANY,
                node -> node == MANY
                        ? new int[] {0}
                        : node == MANY - 1 ? IntStream.range(0, MANY - 1).toArray() : new int[] {node + 1});
        for (int node = 0; node < MANY; node += 997) {
            assertThat(chain.retained(node)).isEqualTo(MANY - node);
        }
    }

    /** Two chains side by side with rungs: whatever is removed on one side can be passed on the other. */
    @Test
    void ofALadderIsItsFirstRung() {
        Dominators ladder = large(
                MANY,
                node -> node == MANY ? new int[] {0, 1} : new int[] {node + 2, (node & 1) == 0 ? node + 3 : node + 1});
        for (int node = 0; node < MANY; node += 997) {
            assertThat(ladder.dominator(node)).isEqualTo(MANY);
        }
    }

    @Test
    void ofACompleteGraphIsTheNodeThatIsHeld() {
        int nodes = 1_000;
        int[] all = IntStream.range(0, nodes).toArray();
        Dominators complete = large(
                nodes,
                node -> node == nodes
                        ? new int[] {17}
                        : Arrays.stream(all).filter(one -> one != node).toArray());
        for (int node : all) {
            assertThat(complete.dominator(node)).isEqualTo(node == 17 ? nodes : 17);
            assertThat(complete.retained(node)).isEqualTo(node == 17 ? nodes : 1);
        }
    }

    /** The nth number of a scattered order leads to those at 2n + 1 and 2n + 2. */
    @Test
    void areTheSameInFiles() {
        int[] order = IntStream.range(0, MANY).toArray();
        Random random = new Random(4);
        for (int i = MANY - 1; i > 0; i--) {
            int other = random.nextInt(i + 1);
            int kept = order[i];
            order[i] = order[other];
            order[other] = kept;
        }
        int[] place = new int[MANY];
        for (int i = 0; i < MANY; i++) {
            place[order[i]] = i;
        }
        IntFunction<int[]> tree = node -> node == MANY
                ? new int[] {order[0]}
                : IntStream.of(2 * place[node] + 1, 2 * place[node] + 2)
                        .map(at -> at < MANY ? order[at] : -1)
                        .toArray();
        Dominators inMemory = large(MANY, tree);
        try (Tables files = new Tables(new GraphOptions(0, folder, 2))) {
            Tables memory = tables;
            tables = files;
            Dominators inFiles = large(MANY, tree);
            tables = memory;
            assertThat(files.bytesInFiles()).isEqualTo(files.bytes()).isGreaterThan(MANY * 20L);
            assertThat(folder).isEmptyDirectory();
            for (int i = 0; i < MANY; i++) {
                int node = i;
                assertThat(inFiles.retained(node)).isEqualTo(inMemory.retained(node));
                assertThat(inMemory.dominator(node))
                        .as("node %d", node)
                        .isEqualTo(place[node] == 0 ? MANY : order[(place[node] - 1) / 2]);
            }
        }
    }
}
