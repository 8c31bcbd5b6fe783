// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What only builds without the global interpreter lock have, against what the process tells: counts of references in
 * two parts, objects of threads that ended, memory that waits until no other thread can be reading it. No Debian release
 * packages such a build, so {@code HEAPWALK_PYTHONS} has to name one; all other tests run on it as well then.
 */
class FreeThreadedTest {
    /** What is said of an object that lives for ever, or less than that. */
    private static final long IMMORTAL = 3L << 30;

    @TempDir
    Path folder;

    private interface Check {
        void with(Python python, PythonProcess process) throws Exception;
    }

    private static void onEach(Check check) throws Exception {
        List<Python> pythons =
                Python.all().stream().filter(Python::freeThreaded).toList();
        assumeFalse(pythons.isEmpty(), "HEAPWALK_PYTHONS names no Python without the global interpreter lock");
        for (Python python : pythons) {
            try (PythonProcess process =
                    PythonProcess.of(python).script("shared.py").start()) {
                check.with(python, process);
            }
        }
    }

    /** What a walk tells of an object. */
    private record Told(long references, boolean immortal, GcState state) {}

    private static Map<Long, Told> walk(Target target) {
        Map<Long, Told> told = new HashMap<>();
        PythonRuntime runtime = PythonRuntime.locate(target);
        assertThat(runtime.freeThreaded()).isTrue();
        assertThat(PythonRuntime.locate(target, PythonRuntime.Symbols.IGNORE).typeType())
                .isEqualTo(runtime.typeType());
        try (ObjectCursor object = runtime.objects(Heaps.of(target))) {
            while (object.next()) {
                assertThat(told.put(object.address(), new Told(object.refcnt(), object.immortal(), object.gcState())))
                        .isNull();
            }
            assertThat(object.damages()).isEmpty();
        }
        return told;
    }

    private static Map<Long, Told> walk(PythonProcess process) {
        try (Target target = Target.attach(process.pid())) {
            return walk(target);
        }
    }

    @Test
    void countsReferencesOfAllThreads() throws Exception {
        onEach((python, process) -> {
            Map<Long, Told> told = new HashMap<>();
            List<String> said = process.askStopped("counts", () -> told.putAll(walk(process)));
            assertThat(said).hasSize(10);
            int mortal = 0;
            for (String line : said) {
                String[] words = line.split(" ");
                Told object = told.get(Long.parseLong(words[0]));
                long count = Long.parseLong(words[1]);
                // Constants live for ever.
                assertThat(object.immortal()).as(line).isEqualTo(count >= IMMORTAL);
                if (!object.immortal()) {
                    mortal++;
                    // It has counted one more: the argument of the function that tells it.
                    assertThat(object.references())
                            .as(line)
                            .isEqualTo(count - 1)
                            .isGreaterThan(15);
                }
            }
            assertThat(mortal).isGreaterThan(5);
        });
    }

    @Test
    void tellsObjectsOfThreadsThatEnded() throws Exception {
        onEach((python, process) -> {
            Map<Long, Told> told = new HashMap<>();
            Map<Long, Told> inCore = new HashMap<>();
            List<String> said = process.askStopped("ended", () -> {
                told.putAll(walk(process));
                try (Target core = Target.core(Cores.gcore(process, folder), python.root())) {
                    inCore.putAll(walk(core));
                }
            });
            assertThat(said).hasSize(4 * 500 * 6);
            assertThat(told.keySet())
                    .containsAll(said.stream().map(Long::valueOf).toList());
            assertThat(inCore).isEqualTo(told);
        });
    }

    @Test
    void tellsWhatWaitsToBeFreed() throws Exception {
        onEach((python, process) -> {
            Set<Long> waiting = new HashSet<>();
            Set<Long> objects = new HashSet<>();
            List<String> said = process.askStopped("waiting", () -> {
                try (Target target = Target.attach(process.pid())) {
                    Heaps heaps = Heaps.of(target);
                    try (UsageCursor usage = UsageCursor.over(heaps)) {
                        while (usage.next()) {
                            if (usage.category().kind().equals("waits to be freed")) {
                                waiting.add(usage.address());
                            }
                        }
                    }
                    objects.addAll(walk(target).keySet());
                }
            });
            // Each has been in other memory three times and more.
            assertThat(waiting).hasSizeGreaterThan(3 * Integer.parseInt(said.getFirst()));
            assertThat(waiting).doesNotContainAnyElementsOf(objects);
        });
    }
}
