// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.graph.GraphOptions;
import dev.heapwalk.graph.HeapGraph;
import dev.heapwalk.graph.Held;
import dev.heapwalk.graph.Leaks;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Release;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** How a program's blocks are held, and which are lost, as the program tells itself. */
class HeldTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#all")
    void blocksAreHeldAsTheProgramTells(Release release) throws Exception {
        try (ToldProgram told = ToldProgram.in(release, "held", Map.of())) {
            try (Target target = Target.attach(told.pid)) {
                check(told, target, GraphOptions.DEFAULT);
            }
            Path core = Cores.gcore(release, told.pid, folder);
            try (Target target = Target.core(core, release.root(false).orElse(Path.of("/")))) {
                check(told, target, new GraphOptions(0, folder, 1));
            }
        }
    }

    private static void check(ToldProgram told, Target target, GraphOptions options) {
        Heaps heaps = Heaps.of(target);
        try (HeapGraph graph = HeapGraph.of(heaps, List.of(new OtherMemory(heaps)), options)) {
            assertThat(graph.missing()).isEmpty();
            Leaks leaks = graph.leaks();
            Map<String, Set<Held>> found = new TreeMap<>();
            told.uses.forEach((use, addresses) -> found.put(
                    use,
                    addresses.stream()
                            .map(address -> leaks.held(graph.blocks().startingAt(address)))
                            .collect(Collectors.toSet())));
            assertThat(found)
                    .isEqualTo(told.uses.keySet().stream()
                            .collect(Collectors.toMap(use -> use, use -> Set.of(expected(use)))));
            Map<Boolean, Set<Long>> leaders = IntStream.range(0, leaks.leaderCount())
                    .boxed()
                    .collect(Collectors.partitioningBy(
                            leaks::isInCircle,
                            Collectors.mapping(i -> graph.blocks().address(leaks.leader(i)), Collectors.toSet())));
            assertThat(leaders.get(true)).hasSize(1).isSubsetOf(told.uses.get("circle"));
            assertThat(leaders.get(false))
                    .isEqualTo(told.uses.entrySet().stream()
                            .filter(entry -> entry.getKey().startsWith("not")
                                    || entry.getKey().equals("leader"))
                            .flatMap(entry -> entry.getValue().stream())
                            .collect(Collectors.toSet()));
            assertThat(leaks.count())
                    .isEqualTo(told.uses.entrySet().stream()
                            .filter(entry -> expected(entry.getKey()) == Held.NOT)
                            .mapToInt(entry -> entry.getValue().size())
                            .sum());
        }
    }

    private static Held expected(String use) {
        return switch (use.split(" ")[0]) {
            case "surely" -> Held.SURELY;
            case "interior" -> Held.BY_INTERIOR;
            case "end" -> Held.BY_END;
            default -> Held.NOT;
        };
    }
}
