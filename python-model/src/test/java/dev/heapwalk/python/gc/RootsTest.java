// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What keeps objects alive, and what a process says of its modules, its frames, and of all objects it has. */
class RootsTest {
    /** What only the machine's stack holds, or the private memory of a C extension, by type: not more than some. */
    private static final int MOST_UNREACHED = 60;

    @TempDir
    Path folder;

    private final Map<RootCategory, Map<String, Long>> found = new HashMap<>();
    private final Set<Long> reached = new HashSet<>();

    /** The list that the process has of all objects is not followed. */
    private void look(Target target, long list) {
        PythonRuntime runtime = PythonRuntime.locate(target);
        try (ObjectReader reader = runtime.reader();
                Roots roots = new Roots(runtime, reader);
                References references = new References(runtime, reader)) {
            ArrayDeque<Long> todo = new ArrayDeque<>();
            roots.roots((address, category, label) -> {
                StringBuilder name = new StringBuilder();
                label.appendTo(name);
                assertThat(name).isNotEmpty();
                found.computeIfAbsent(category, none -> new TreeMap<>()).put(name.toString(), address);
                if (reached.add(address)) {
                    todo.add(address);
                }
            });
            assertThat(roots.missing()).isEmpty();
            while (!todo.isEmpty()) {
                long object = todo.poll();
                if (object == list) {
                    continue;
                }
                references.all(object, reader.typeAt(object), (address, kind, label) -> {
                    if (kind == EdgeKind.REFERS && reached.add(address)) {
                        todo.add(address);
                    }
                });
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void leadToWhatIsAlive(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("kinds");
            process.ask("library");
            Map<String, Long> modules = new TreeMap<>();
            for (String line : process.ask("modules")) {
                String[] words = line.split(" ");
                modules.put(words[0], Long.parseLong(words[1]));
            }
            Map<Long, String> names = new HashMap<>();
            Path[] core = new Path[1];
            List<String> said = process.askStopped("referents", () -> core[0] = Cores.gcore(process, folder));
            try (Target target = Target.core(core[0], python.root())) {
                look(
                        target,
                        said.stream()
                                .filter(line -> line.startsWith("own "))
                                .mapToLong(line -> Long.parseLong(line.substring("own ".length())))
                                .findFirst()
                                .orElseThrow());
                PythonRuntime runtime = PythonRuntime.locate(target);
                try (ObjectReader reader = runtime.reader()) {
                    said.stream()
                            .filter(line -> Character.isDigit(line.charAt(0)))
                            .forEach(line -> {
                                long address = Long.parseLong(line.split(" ")[0]);
                                if (!reached.contains(address)) {
                                    names.put(
                                            address,
                                            reader.typeNames()
                                                    .of(Long.parseLong(line.split(" ")[1]))
                                                    .toString());
                                }
                            });
                }
            }
            Map<String, Integer> unreached = new TreeMap<>();
            names.values().forEach(name -> unreached.merge(name, 1, Integer::sum));
            assertThat(found.keySet()).containsAll(List.of(Roots.INTERPRETER, Roots.FRAME, Roots.STATIC_TYPE));
            assertThat(found.get(Roots.MODULE)).isEqualTo(modules);
            assertThat(found.get(Roots.INTERPRETER)).hasSize(3);
            assertThat(found.get(Roots.INTERNED)).hasSize(1);
            assertThat(new ArrayList<>(found.get(Roots.FRAME).keySet()))
                    .anyMatch(name -> name.endsWith(" of referents"));
            assertThat(found.get(Roots.STATIC_TYPE))
                    .containsKey(python.isAtLeast(3, 0) ? "builtins.list" : "__builtin__.list");
            assertThat(names).as(unreached.toString()).hasSizeLessThan(MOST_UNREACHED);
        }
    }

    /** Objects that a function has on its stack alone, while it waits in C code or for another function. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void areOnStacksOfWhatRuns(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            List<String> said = process.ask("stacks");
            assertThat(said).hasSize(5);
            try (Target target = Target.core(Cores.gcore(process, folder), python.root())) {
                look(target, 0);
                for (String line : said) {
                    assertThat(reached).as(line).contains(Long.parseLong(line.split(" ")[1]));
                }
                Map<String, Long> stacks = new TreeMap<>();
                stacks.putAll(found.getOrDefault(Roots.FRAME, Map.of()));
                stacks.putAll(found.getOrDefault(Roots.STACK, Map.of()));
                // It is the only one that refers to the object itself; others refer to what does.
                String[] first = said.getFirst().split(" ");
                assertThat(stacks).contains(Map.entry("stack [0] of " + first[0], Long.parseLong(first[1])));
            }
        }
    }
}
