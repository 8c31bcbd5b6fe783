// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.frame;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Tasks of asyncio and what they wait for, and what Python itself tells of them. */
class TasksTest {

    static Stream<Python> withTasks() {
        return Python.all().stream().filter(python -> python.isAtLeast(3, 6));
    }

    @ParameterizedTest
    @MethodSource("withTasks")
    void waitForWhatPythonTells(Python python) throws Exception {
        try (PythonProcess process =
                PythonProcess.of(python).script("frames.py").start()) {
            Map<Long, String> found = new TreeMap<>();
            List<String> said = process.askStopped("tasks", () -> {
                try (Target target = Target.attach(process.pid())) {
                    PythonRuntime runtime = PythonRuntime.locate(target);
                    try (ObjectReader reader = runtime.reader();
                            ObjectCursor objects = runtime.objects(Heaps.of(target))) {
                        Tasks tasks = new Tasks(reader);
                        Frames frames = new Frames(runtime, reader);
                        while (objects.next()) {
                            if (tasks.isTask(objects.type())) {
                                Task task = tasks.at(objects.address()).orElseThrow();
                                found.put(task.address(), task(task, reader, frames));
                            }
                        }
                    }
                }
            });
            Map<Long, String> expected = new TreeMap<>();
            said.forEach(line -> expected.put(Long.parseLong(line.split(" ")[1]), line));
            assertThat(expected).hasSizeGreaterThan(7);
            // The one that made them all is not told by the program.
            assertThat(found).hasSize(expected.size() + 1).containsAllEntriesOf(expected);
        }
    }

    private static String task(Task task, ObjectReader reader, Frames frames) {
        List<String> words = new ArrayList<>(List.of(
                "task",
                Long.toString(task.address()),
                task.name().isEmpty()
                        ? "-"
                        : HexFormat.of().formatHex(task.name().getBytes(StandardCharsets.UTF_8)),
                task.state().label(),
                Long.toString(task.coroutine()),
                Long.toString(task.waiter())));
        AwaitChain chain = new AwaitChain(reader);
        chain.over(task.coroutine());
        while (chain.next()) {
            if (frames.overGenerator(chain.address()) && frames.next()) {
                words.add(chain.address() + ":" + frames.line());
            }
        }
        return String.join(" ", words);
    }
}
