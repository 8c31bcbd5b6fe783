// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.frame;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonInterpreter;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.PythonThread;
import dev.heapwalk.python.object.PyGen;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Frames of threads and generators, and what Python itself tells of them. */
class FramesTest {

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void areThoseThatPythonTells(Python python) throws Exception {
        try (PythonProcess process =
                PythonProcess.of(python).script("frames.py").start()) {
            Map<Long, List<String>> found = new TreeMap<>();
            List<String> said = process.askStopped("frames", () -> {
                try (Target target = Target.attach(process.pid())) {
                    PythonRuntime runtime = PythonRuntime.locate(target);
                    try (ObjectReader reader = runtime.reader()) {
                        for (PythonInterpreter interpreter : runtime.interpreters()) {
                            for (PythonThread thread : interpreter.threads()) {
                                found.put(thread.threadId(), frames(runtime, reader, thread));
                            }
                        }
                    }
                }
            });
            Map<Long, List<String>> expected = new TreeMap<>();
            List<String> last = new ArrayList<>();
            for (String line : said) {
                List<String> words = List.of(line.split(" "));
                if (words.getFirst().equals("thread")) {
                    last = new ArrayList<>();
                    expected.put(Long.parseLong(words.get(1)), last);
                } else {
                    last.add(ordered(words.subList(1, words.size()), 6));
                }
            }
            assertThat(expected).hasSizeGreaterThan(12);
            assertThat(expected.values().stream().mapToInt(List::size).sum()).isGreaterThan(740);
            // The thread that answers has gone on since.
            assertThat(found).hasSize(expected.size() + 1).containsAllEntriesOf(expected);
        }
    }

    private static List<String> frames(PythonRuntime runtime, ObjectReader reader, PythonThread thread) {
        List<String> rows = new ArrayList<>();
        Frames frames = new Frames(runtime, reader);
        frames.overThread(thread);
        while (frames.next()) {
            List<String> words = new ArrayList<>(List.of(
                    Long.toString(frames.code()),
                    Long.toString(frames.globals()),
                    Long.toString(frames.instruction()),
                    Integer.toString(frames.line()),
                    hex(frames.file()),
                    hex(frames.function())));
            words.addAll(locals(frames));
            rows.add(ordered(words, 6));
        }
        assertThat(frames.note()).isEmpty();
        return rows;
    }

    private static List<String> locals(Frames frames) {
        if (frames.namespace() == frames.globals()) {
            return List.of("-");
        }
        List<String> words = new ArrayList<>();
        while (frames.nextLocal()) {
            words.add(hex(frames.localName()) + ":" + frames.localValue());
        }
        return words;
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void ofGeneratorsAreThoseThatPythonTells(Python python) throws Exception {
        try (PythonProcess process =
                PythonProcess.of(python).script("frames.py").start()) {
            // Ids are the same as long as it lives.
            List<Long> ids = process.askStopped("generators", () -> {}).stream()
                    .map(line -> Long.parseLong(line.split(" ")[1]))
                    .toList();
            List<String> found = new ArrayList<>();
            List<String> said = process.askStopped("generators", () -> {
                try (Target target = Target.attach(process.pid())) {
                    PythonRuntime runtime = PythonRuntime.locate(target);
                    try (ObjectReader reader = runtime.reader()) {
                        Frames frames = new Frames(runtime, reader);
                        PyGen generator = new PyGen(reader);
                        for (long id : ids) {
                            found.add(generator(id, generator, frames, reader));
                        }
                    }
                }
            });
            List<String> expected = said.stream()
                    .map(line -> ordered(List.of(line.split(" ")), 6))
                    .toList();
            assertThat(expected).hasSizeGreaterThan(3);
            assertThat(found).containsExactlyElementsOf(expected);
        }
    }

    private static String generator(long id, PyGen generator, Frames frames, ObjectReader reader) {
        assertThat(reader.find(id, generator)).isTrue();
        boolean shown = frames.overGenerator(id) && frames.next();
        List<String> words = new ArrayList<>(List.of(
                "generator",
                Long.toString(id),
                generator.state().label(),
                Long.toString(generator.code()),
                Integer.toString(shown ? frames.line() : -1),
                Long.toString(generator.waitsFor())));
        if (shown) {
            words.addAll(locals(frames));
            assertThat(frames.next()).isFalse();
        }
        return ordered(words, 6);
    }

    /** The words, those behind the first few in an order that doesn't matter to Python. */
    private static String ordered(List<String> words, int first) {
        List<String> all = new ArrayList<>(words);
        if (all.size() > first) {
            Collections.sort(all.subList(first, all.size()));
        }
        return String.join(" ", all);
    }

    private static String hex(String text) {
        return text.isEmpty() ? "-" : HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8));
    }
}
