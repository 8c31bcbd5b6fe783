// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.graph.BlockIndex;
import dev.heapwalk.graph.Dominators;
import dev.heapwalk.graph.EdgeCursor;
import dev.heapwalk.graph.HeapGraph;
import dev.heapwalk.graph.HeapPath;
import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.gc.Reachability;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The graph of Ruby's slots and of the blocks of malloc: what is reached is what the collector keeps. */
class HeapGraphTest {
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void reachesWhatTheCollectorLeft(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask("gc");
            try (Target target = Target.attach(process.pid());
                    HeapGraph graph = HeapGraph.of(Heaps.of(target))) {
                assertThat(graph.missing()).isEmpty();
                RubyVm vm = RubyVm.locate(target);
                Reachability reachability = Reachability.of(vm.reader());
                Dominators dominators = graph.dominators();
                List<String> lost = new ArrayList<>();
                long live = 0;
                SlotCursor slot = vm.slots(vm.reader());
                while (slot.next()) {
                    int block = graph.blocks().startingAt(slot.address());
                    if (slot.state() != SlotState.LIVE) {
                        assertThat(block < 0 || slot.state() != SlotState.FREE).isTrue();
                        continue;
                    }
                    live++;
                    if (!dominators.reached(block)) {
                        lost.add("0x%x %s".formatted(slot.address(), slot.type().label()));
                        assertThat(reachability.contains(slot.address()))
                                .as(lost.getLast())
                                .isFalse();
                    }
                }
                // What answering the last command and reading the next left.
                assertThat(lost).as("of %d", live).hasSizeLessThan(60);
                assertRetained(graph, dominators);
            }
        }
    }

    /** What a block retains is what is reached no more without it. */
    private static void assertRetained(HeapGraph graph, Dominators dominators) {
        Random random = new Random(1);
        BitSet all = reach(graph, -1);
        for (int round = 0; round < 40; round++) {
            int removed = random.nextInt(graph.nodeCount() - 1);
            if (!all.get(removed)) {
                assertThat(dominators.reached(removed)).isFalse();
                continue;
            }
            // Many of what is held by few blocks: go up where that is only the block itself.
            if (round % 2 == 0 && dominators.dominator(removed) != graph.root()) {
                removed = dominators.dominator(removed);
            }
            BitSet without = (BitSet) all.clone();
            without.andNot(reach(graph, removed));
            assertThat(dominators.retained(removed))
                    .isEqualTo(without.stream().mapToLong(graph::size).sum());
        }
    }

    private static BitSet reach(HeapGraph graph, int removed) {
        BitSet reached = new BitSet();
        ArrayDeque<Integer> waiting = new ArrayDeque<>(List.of(graph.root()));
        reached.set(graph.root());
        EdgeCursor edges = graph.references();
        while (!waiting.isEmpty()) {
            edges.of(waiting.remove());
            while (edges.next()) {
                int node = edges.node();
                if (node != removed && edges.kind() != EdgeKind.WEAK && !reached.get(node)) {
                    reached.set(node);
                    waiting.add(node);
                }
            }
        }
        return reached;
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void reachesNoGarbageAndTellsTheWayToWhatIsKept(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask("gc_disable");
            long[] garbage = addresses(process, "eval Array.new(500) { Target.address([Object.new]) }.join(' ')");
            long[] kept = addresses(
                    process, "eval ($kept = Array.new(500) { [Object.new] }).map { |a| Target.address(a) }.join(' ')");
            long array = addresses(process, "eval Target.address($kept)")[0];
            try (Target target = Target.attach(process.pid());
                    HeapGraph graph = HeapGraph.of(Heaps.of(target))) {
                BlockIndex blocks = graph.blocks();
                Dominators dominators = graph.dominators();
                assertThat(kept).hasSize(500);
                assertThat(Arrays.stream(garbage)
                                .filter(one -> dominators.reached(blocks.startingAt(one)))
                                .count())
                        .isLessThan(20);
                int holder = blocks.startingAt(array);
                long byHolder = Arrays.stream(kept)
                        .filter(one -> dominators.dominator(blocks.startingAt(one)) == holder)
                        .count();
                // A few may still be on the stack.
                assertThat(byHolder).isGreaterThan(480);
                List<HeapPath> paths = graph.paths().toRoots(blocks.startingAt(kept[250]), 1);
                assertThat(paths).hasSize(1);
                HeapPath path = paths.getFirst();
                assertThat(path.node(1)).isEqualTo(holder);
                assertThat(graph.group(path.node(path.length() - 1)).label()).isEqualTo("CRuby: global_tbl");
                assertThat(graph.names(holder, path.node(0))).containsExactly("[250]");
                assertThat(graph.names(path.node(path.length() - 1), holder)).containsExactly("$kept");
                assertThat(dominators.retained(holder)).isGreaterThan(500 * 80);
            }
        }
    }

    /** Each step of a way from slot to slot is one that Ruby knows too. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void pathsAreReferencesThatRubyTells(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask("gc");
            OwnDump dump = OwnDump.read(process.dumpAll());
            try (Target target = Target.attach(process.pid());
                    HeapGraph graph = HeapGraph.of(Heaps.of(target))) {
                long[] addresses = dump.objects().keySet().stream()
                        .mapToLong(Long::longValue)
                        .sorted()
                        .toArray();
                Random random = new Random(2);
                int steps = 0;
                List<String> unknown = new ArrayList<>();
                for (int round = 0; round < 300; round++) {
                    long address = addresses[random.nextInt(addresses.length)];
                    int block = graph.blocks().startingAt(address);
                    if (block < 0) {
                        continue;
                    }
                    for (HeapPath path : graph.paths().toRoots(block, 1)) {
                        for (int i = 0; i + 2 < path.length(); i++) {
                            OwnDump.Line from =
                                    dump.objects().get(graph.blocks().address(path.node(i + 1)));
                            long to = graph.blocks().address(path.node(i));
                            if (from != null && dump.objects().containsKey(to)) {
                                steps++;
                                if (from.klass() != to && Arrays.binarySearch(from.references(), to) < 0) {
                                    unknown.add("0x%x %s %s to 0x%x %s"
                                            .formatted(
                                                    graph.blocks().address(path.node(i + 1)),
                                                    from.type(),
                                                    from.detail(),
                                                    to,
                                                    graph.names(path.node(i + 1), path.node(i))));
                                }
                            }
                        }
                    }
                }
                assertThat(steps).isGreaterThan(500);
                assertThat(unknown).as("of %d", steps).hasSizeLessThan(steps / 20);
            }
        }
    }

    private static long[] addresses(RubyProcess process, String command) throws Exception {
        return Arrays.stream(process.ask(command).getFirst().split(" "))
                .mapToLong(Long::decode)
                .toArray();
    }
}
