// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.python.GcState;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Single objects that are found by their addresses, and what Python tells of them. */
class ObjectFinderTest {
    /** Of so many objects, one is looked for. */
    private static final int EVERY = 97;

    @TempDir
    Path folder;

    private static List<String> allocators(Python python) {
        return python.isAtLeast(3, 6) ? List.of("pymalloc", "malloc_debug") : List.of("");
    }

    private interface Check {
        void check(ObjectFinder finder) throws Exception;
    }

    private static void find(Target target, Check check) throws Exception {
        PythonRuntime runtime = PythonRuntime.locate(target);
        try (ObjectReader reader = runtime.reader()) {
            check.check(new ObjectFinder(runtime, reader));
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void tellsTheGenerationOfAnObject(Python python) throws Exception {
        for (String allocator : allocators(python)) {
            try (PythonProcess process =
                    PythonProcess.of(python).env("PYTHONMALLOC", allocator).start()) {
                process.ask("kinds");
                Path[] core = new Path[1];
                List<String> said = process.askStopped("tracked", () -> core[0] = Cores.gcore(process, folder));
                Map<String, Integer> found = new HashMap<>();
                try (Target target = Target.core(core[0], python.root())) {
                    find(target, finder -> {
                        for (int i = 0; i < said.size(); i += EVERY) {
                            String[] words = said.get(i).split(" ");
                            long address = Long.parseLong(words[1]);
                            FoundObject object = finder.find(address).orElseThrow();
                            assertThat(object.address()).isEqualTo(address);
                            assertThat(object.within()).isZero();
                            assertThat(object.buffer()).isEmpty();
                            GcState state = object.gcState().orElseThrow();
                            if (words[0].equals("-")) {
                                assertThat(state.name()).startsWith("GENERATION_");
                            } else if (!words[0].equals("own")) {
                                assertThat(state).isEqualTo(GcState.valueOf("GENERATION_" + words[0]));
                            }
                            found.merge(words[0], 1, Integer::sum);
                            // Its third word.
                            FoundObject around = finder.find(address + 17).orElseThrow();
                            assertThat(around.address()).isEqualTo(address);
                            assertThat(around.within()).isEqualTo(17);
                        }
                    });
                }
                assertThat(found.values().stream().mapToInt(Integer::intValue).sum())
                        .isGreaterThan(50);
                assertThat(found).hasSizeGreaterThanOrEqualTo(python.isAtLeast(3, 8) ? 3 : 1);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void tellsTypeAndSizeOfAnObject(Python python) throws Exception {
        for (String allocator : allocators(python)) {
            try (PythonProcess process =
                    PythonProcess.of(python).env("PYTHONMALLOC", allocator).start()) {
                process.ask("kinds");
                Path[] core = new Path[1];
                // Those whose types have no way of their own to tell a size.
                List<String> said = process.askStopped("sizes", () -> core[0] = Cores.gcore(process, folder)).stream()
                        .filter(line -> line.endsWith(" 1"))
                        .toList();
                int[] inBlocks = new int[1];
                try (Target target = Target.core(core[0], python.root())) {
                    find(target, finder -> {
                        for (int i = 0; i < said.size(); i += EVERY) {
                            String[] words = said.get(i).split(" ");
                            long address = Long.parseLong(words[0]);
                            FoundObject object = finder.find(address).orElseThrow();
                            assertThat(object.type()).isEqualTo(Long.parseLong(words[1]));
                            if (object.block() != 0) {
                                // Since 3.13, values of attributes lie within.
                                assertThat(object.size() - Long.parseLong(words[2]))
                                        .isBetween(0L, python.isAtLeast(3, 13) ? 300L : 0L);
                                assertThat(object.block()).isLessThanOrEqualTo(address);
                                assertThat(object.blockSize()).isGreaterThanOrEqualTo(object.size());
                                inBlocks[0]++;
                            }
                        }
                    });
                }
                assertThat(inBlocks[0]).isGreaterThan(20);
            }
        }
    }
}
