// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.graph.Dominators;
import dev.heapwalk.graph.EdgeCursor;
import dev.heapwalk.graph.HeapGraph;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The graph of Python's objects and of the blocks of malloc, beside what {@code gc} tells. */
class HeapGraphTest {
    /** What only the machine's stack holds, or the private memory of a C extension. */
    private static final int MOST_UNREACHED = 60;

    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void reachesWhatIsAlive(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("kinds");
            process.ask("library");
            check(process);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"malloc", "debug"})
    void reachesWhatIsAliveWithAnotherAllocator(String allocator) throws Exception {
        try (PythonProcess process =
                PythonProcess.of(Python.trixie()).env("PYTHONMALLOC", allocator).start()) {
            process.ask("kinds");
            check(process);
        }
    }

    private void check(PythonProcess process) throws Exception {
        Path[] core = new Path[1];
        List<String> said = process.askStopped("referents", () -> core[0] = Cores.gcore(process, folder));
        Set<Long> own = new HashSet<>();
        Map<Long, Set<Long>> referents = new HashMap<>();
        for (String line : said) {
            String[] words = line.split(" ");
            if (words[0].equals("own")) {
                own.add(Long.parseLong(words[1]));
            } else if (Character.isDigit(line.charAt(0))) {
                Set<Long> to = referents.computeIfAbsent(Long.parseLong(words[0]), none -> new HashSet<>());
                for (int i = 1; i < words.length; i++) {
                    to.add(Long.parseLong(words[i]));
                }
            }
        }
        try (Target target = Target.core(core[0], process.python().root());
                HeapGraph graph = HeapGraph.of(Heaps.of(target))) {
            assertThat(graph.missing()).isEmpty();
            PythonRuntime runtime = PythonRuntime.locate(target);
            Dominators dominators = graph.dominators();
            Map<String, Integer> unreached = new TreeMap<>();
            Map<Integer, Long> objects = new HashMap<>();
            int inBlocks = 0;
            try (ObjectReader reader = runtime.reader()) {
                for (long object : referents.keySet()) {
                    int block = graph.blocks().at(object);
                    if (block < 0) {
                        continue;
                    }
                    inBlocks++;
                    objects.put(block, object);
                    if (!dominators.reached(block)) {
                        unreached.merge(
                                reader.typeNames().of(reader.typeAt(object)).toString(), 1, Integer::sum);
                    }
                }
            }
            assertThat(inBlocks).isGreaterThan(1_000);
            assertThat(unreached.values().stream().mapToInt(Integer::intValue).sum())
                    .as(unreached.toString())
                    .isLessThan(MOST_UNREACHED);
            assertConfirmed(graph, objects, referents, own);
        }
    }

    /** What an object refers to as the collector knows, the graph knows, but for some few. */
    private static void assertConfirmed(
            HeapGraph graph, Map<Integer, Long> objects, Map<Long, Set<Long>> referents, Set<Long> own) {
        List<Integer> blocks =
                new ArrayList<>(objects.keySet().stream().sorted().toList());
        Collections.shuffle(blocks, new Random(1));
        int known = 0;
        int missing = 0;
        for (int block : blocks.subList(0, 500)) {
            long object = objects.get(block);
            if (own.contains(object)) {
                continue;
            }
            Set<Integer> theirs = new HashSet<>();
            for (long referent : referents.get(object)) {
                int other = graph.blocks().at(referent);
                if (other >= 0 && other != block) {
                    theirs.add(other);
                }
            }
            Set<Integer> ours = new HashSet<>();
            EdgeCursor edges = graph.references().of(block);
            while (edges.next()) {
                ours.add(edges.node());
            }
            known += theirs.size();
            theirs.removeAll(ours);
            missing += theirs.size();
        }
        assertThat(known).isGreaterThan(1_000);
        assertThat(missing).as("of %d", known).isLessThan(known / 50);
    }
}
