// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.EdgeSource;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.RootSource;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Edges and roots of blocks: they lead to where blocks begin, those that hold what the collector tells. */
class ObjectEdgesTest {
    /** What lies in no block is a variable of a module. */
    private static final double LEAST_IN_BLOCKS = 0.5;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"pymalloc", "malloc", "debug", "malloc_debug"})
    void leadToBlocks(String allocator) throws Exception {
        try (PythonProcess process =
                PythonProcess.of(Python.trixie()).env("PYTHONMALLOC", allocator).start()) {
            Path[] core = new Path[1];
            List<String> said = process.askStopped("referents", () -> core[0] = Cores.gcore(process, folder));
            try (Target target = Target.core(core[0], Python.trixie().root())) {
                Heaps heaps = Heaps.of(target);
                Heap heap = heaps.find(PythonHeap.class).orElseThrow();
                try (EdgeSource edges = heap.edges().orElseThrow();
                        RootSource roots = heap.roots().orElseThrow()) {
                    compare(said, heaps, edges);
                    // What is guessed may lead anywhere.
                    roots.roots((address, category, label) -> {
                        if (category.exact()) {
                            blockAt(heaps, address)
                                    .ifPresent(
                                            block -> assertThat(block.address()).isEqualTo(address));
                        }
                    });
                    assertThat(roots.missing()).isEmpty();
                }
            }
        }
    }

    private static void compare(List<String> said, Heaps heaps, EdgeSource edges) {
        Set<String> own = new HashSet<>();
        said.stream().filter(line -> line.startsWith("own ")).forEach(line -> own.add(line.substring("own ".length())));
        int inBlocks = 0;
        int objects = 0;
        for (int i = 0; i < said.size(); i += 20) {
            String[] words = said.get(i).split(" ");
            if (!Character.isDigit(words[0].charAt(0)) || own.contains(words[0])) {
                continue;
            }
            objects++;
            Optional<Block> block = blockAt(heaps, Long.parseLong(words[0]));
            if (block.isEmpty()) {
                continue;
            }
            inBlocks++;
            Set<Long> found = new HashSet<>();
            edges.edges(block.get().address(), (address, kind, label) -> {
                found.add(address);
                if (kind == EdgeKind.OWNS) {
                    assertThat(blockAt(heaps, address))
                            .hasValueSatisfying(
                                    owned -> assertThat(owned.address()).isEqualTo(address));
                }
            });
            for (int k = 2; k < words.length; k++) {
                int j = k;
                blockAt(heaps, Long.parseLong(words[k]))
                        .ifPresent(other -> assertThat(found)
                                .as(words[0] + " in " + block.get() + ", " + words[j] + " in " + other)
                                .contains(other.address()));
            }
        }
        assertThat(objects).isGreaterThan(200);
        assertThat(inBlocks).isGreaterThan((int) (LEAST_IN_BLOCKS * objects));
    }

    /** The block of the innermost heap that has one there. */
    private static Optional<Block> blockAt(Heaps heaps, long address) {
        Optional<Block> found = heaps.find(PythonHeap.class).orElseThrow().blockAt(address);
        for (Heap allocator : heaps.allocators().list()) {
            if (found.isEmpty()) {
                found = allocator.blockAt(address);
            }
        }
        return found;
    }
}
