// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static dev.heapwalk.python.PythonRuntimeTest.numbers;
import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.frame.Frames;
import dev.heapwalk.python.frame.ThreadInfo;
import dev.heapwalk.python.frame.Threads;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Cores of Pythons for aarch64, and what each has told of itself before it died. */
class Aarch64CoreTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#aarch64")
    void isWhatThePythonHasSaid(Python python) throws Exception {
        for (String allocator : List.of("pymalloc", "malloc_debug")) {
            List<String> objects = new ArrayList<>();
            List<String> version;
            List<long[]> threads;
            Path core;
            try (PythonProcess process =
                    PythonProcess.of(python).env("PYTHONMALLOC", allocator).start()) {
                process.ask("kinds");
                version = process.ask("version");
                threads = numbers(process.ask("threads"));
                core = Cores.ofGuest(process, folder, inside -> objects.addAll(process.crashIn(inside)));
            }
            try (Target target = Target.core(core, python.sysroot())) {
                assertThat(target.machine()).isEqualTo(Machine.AARCH64);
                PythonRuntime runtime = PythonRuntime.locate(target);
                PythonRuntimeTest.assertSays(runtime, version, threads, python);
                PythonRuntime blind = PythonRuntime.locate(target, PythonRuntime.Symbols.IGNORE);
                PythonRuntimeTest.assertSays(blind, version, threads, python);
                assertThat(runtime.pymallocs()).hasSize(allocator.equals("pymalloc") ? 1 : 0);
                assertFrames(runtime, threads.getFirst()[0]);
                ObjectCursorTest cursor = new ObjectCursorTest();
                cursor.look(target);
                cursor.assertSizes(objects, python);
            }
        }
    }

    /** The main thread has called the function that ends the process, and others wait in one. */
    private static void assertFrames(PythonRuntime runtime, long mainThread) {
        Map<Long, List<String>> functions = new HashMap<>();
        try (ObjectReader reader = runtime.reader()) {
            Frames frames = new Frames(runtime, reader);
            for (ThreadInfo info : new Threads(runtime, reader).all()) {
                long id = info.thread().threadId();
                frames.overThread(info.thread());
                while (frames.next()) {
                    functions.computeIfAbsent(id, _ -> new ArrayList<>()).add(frames.name());
                }
                assertThat(frames.note()).isEmpty();
                assertThat(info.system()).isPresent();
                assertThat(info.activity())
                        .isIn(
                                id == mainThread
                                        ? List.of(ThreadInfo.Activity.RUNNING, ThreadInfo.Activity.BLOCKING)
                                        : List.of(ThreadInfo.Activity.IDLE));
            }
        }
        assertThat(functions.remove(mainThread)).containsExactly("crash", "obey", "<module>");
        assertThat(functions.values())
                .hasSize(3)
                .allSatisfy(
                        names -> assertThat(names).containsExactly("wait", "run", "_bootstrap_inner", "_bootstrap"));
    }
}
