// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.frame;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.PythonThread;
import dev.heapwalk.python.layout.ActivationLayout;
import dev.heapwalk.python.layout.CodeLayout;
import dev.heapwalk.python.layout.GeneratorLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.StringLayout;
import dev.heapwalk.python.object.InterpreterFrame;
import dev.heapwalk.python.object.PyCode;
import dev.heapwalk.python.object.ShortRepr;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Words of a core that are changed: no frame leads on for ever, no length is believed, and what is wrong is told. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class DamagedFramesTest {
    private static final int RANDOM_CHANGES = 300;

    @TempDir
    static Path folder;

    private final Python python = Python.trixie();
    private Path core;
    private PythonProcess process;
    private List<Long> generators;

    private PythonLayout layout;
    private PythonThread thread;
    /** Its frames, the innermost first. */
    private final List<Long> frames = new ArrayList<>();

    private final List<Long> codes = new ArrayList<>();

    private interface Look {
        void at(PythonRuntime runtime, ObjectReader reader) throws IOException;
    }

    @BeforeAll
    void makeCore() throws Exception {
        process = PythonProcess.of(python).script("frames.py").start();
        generators = process.askStopped("generators", () -> {}).stream()
                .map(line -> Long.parseLong(line.split(" ")[1]))
                .toList();
        core = Cores.gcore(process, folder);
        with(Map.of(), (runtime, reader) -> {
            layout = PythonLayout.of(runtime.series(), runtime.freeThreaded());
            Frames all = new Frames(runtime, reader);
            for (PythonThread some : runtime.interpreters().getFirst().threads()) {
                List<Long> its = new ArrayList<>();
                List<Long> code = new ArrayList<>();
                all.overThread(some);
                while (all.next()) {
                    its.add(all.address());
                    code.add(all.code());
                }
                if (its.size() > frames.size() && its.size() < 20) {
                    thread = some;
                    frames.clear();
                    frames.addAll(its);
                    codes.clear();
                    codes.addAll(code);
                }
            }
        });
        assertThat(frames).hasSizeGreaterThan(6);
    }

    @AfterAll
    void end() {
        process.close();
    }

    /** Puts words into the core, and tells what was there. */
    private Map<Long, Long> change(Map<Long, Long> words) throws IOException {
        Map<Long, Long> before = new LinkedHashMap<>();
        try (CoreEditor editor = new CoreEditor(core)) {
            words.forEach((address, word) -> {
                before.put(address, editor.word(address));
                editor.set(address, word);
            });
        }
        return before;
    }

    /** Looks at a core with other words in it, which has them no more behind that. */
    private void with(Map<Long, Long> words, Look look) throws IOException {
        Map<Long, Long> before = change(words);
        try (Target target = Target.core(core, python.root())) {
            PythonRuntime runtime = PythonRuntime.locate(target);
            try (ObjectReader reader = runtime.reader()) {
                look.at(runtime, reader);
            }
        } finally {
            change(before);
        }
    }

    private List<Long> frames(Frames cursor) {
        List<Long> found = new ArrayList<>();
        cursor.overThread(thread);
        while (cursor.next()) {
            found.add(cursor.address());
            cursor.line();
            cursor.file();
            cursor.function();
            while (cursor.nextLocal()) {
                cursor.localName();
            }
        }
        return found;
    }

    @Test
    void framesThatLeadBackToThemselvesEnd() throws IOException {
        int back = layout.activation().back();
        for (int from = 0; from < frames.size(); from++) {
            for (int to = 0; to <= from; to++) {
                with(Map.of(frames.get(from) + back, frames.get(to)), (runtime, reader) -> {
                    Frames cursor = new Frames(runtime, reader);
                    assertThat(frames(cursor)).hasSizeLessThan(100).startsWith(frames.getFirst());
                    assertThat(cursor.note()).contains("leads back to itself");
                });
            }
        }
    }

    @Test
    void aFrameThatCanNotBeReadEndsTheWalk() throws IOException {
        int back = layout.activation().back();
        for (long wrong : new long[] {8, 0x7ffffffff000L, -8, Long.MIN_VALUE, frames.get(3) + 1}) {
            with(Map.of(frames.get(2) + back, wrong), (runtime, reader) -> {
                Frames cursor = new Frames(runtime, reader);
                assertThat(frames(cursor)).isEqualTo(frames.subList(0, 3));
                assertThat(cursor.note()).contains("0x%x".formatted(wrong)).contains("can't be read");
            });
        }
    }

    @Test
    void aSampleStaysAsItWas() throws IOException {
        with(Map.of(), (runtime, reader) -> {
            Frames cursor = new Frames(runtime, reader);
            cursor.sampleThread(thread);
            assertThat(cursor.next()).isTrue();
            List<Long> found = new ArrayList<>(List.of(cursor.code()));
            // The thread returns and calls others from the same place, which have their frames where the old ones lay.
            Map<Long, Long> words = new LinkedHashMap<>();
            for (int i = 1; i < frames.size(); i++) {
                words.put(frames.get(i) + layout.activation().code(), codes.get(i % 3 == 1 ? i : i - 1));
                words.put(frames.get(i) + layout.activation().back(), 0L);
            }
            Map<Long, Long> before = change(words);
            reader.memory().forget();
            while (cursor.next()) {
                found.add(cursor.code());
            }
            int returned = cursor.returned();
            change(before);
            assertThat(found).isEqualTo(codes);
            // It counts those too that Python does not show.
            assertThat(returned).isGreaterThanOrEqualTo(frames.size());
        });
    }

    @Test
    void aFrameWithoutCodeIsLeftOut() throws IOException {
        for (long wrong : new long[] {0, 8, 0x7ffffffff000L, frames.get(3), codes.get(2) + 8}) {
            with(Map.of(frames.get(2) + layout.activation().code(), wrong), (runtime, reader) -> {
                Frames cursor = new Frames(runtime, reader);
                List<Long> expected = new ArrayList<>(frames);
                expected.remove(2);
                assertThat(frames(cursor)).isEqualTo(expected);
                assertThat(cursor.note())
                        .contains("0x%x".formatted(frames.get(2)))
                        .contains("has no code");
            });
        }
    }

    @Test
    void tablesOfCodeAreNotBelieved() throws IOException {
        CodeLayout code = layout.code();
        int[] pointers = {
            code.lineTable(),
            code.filename(),
            code.name(),
            code.qualname(),
            code.variables().names()
        };
        for (int pointer : pointers) {
            for (long wrong : new long[] {0, 8, 0x7ffffffff000L, codes.get(2), frames.get(2)}) {
                with(Map.of(codes.get(2) + pointer, wrong), (runtime, reader) -> {
                    Frames cursor = new Frames(runtime, reader);
                    assertThat(frames(cursor)).isEqualTo(frames);
                });
            }
        }
    }

    @Test
    void lengthsOfTablesAreNotBelieved() throws IOException {
        long[] tables = new long[2];
        with(Map.of(), (runtime, reader) -> {
            PyCode code = new PyCode(reader);
            assertThat(reader.find(codes.get(2), code)).isTrue();
            tables[0] = code.lineTable();
            tables[1] = reader.memory()
                    .readLong(codes.get(2) + layout.code().variables().names());
        });
        for (long table : tables) {
            for (long wrong : new long[] {-1, 1L << 30, Long.MAX_VALUE, Long.MIN_VALUE, 1 << 20}) {
                with(Map.of(table + ObjectLayout.SIZE, wrong), (runtime, reader) -> {
                    Frames cursor = new Frames(runtime, reader);
                    assertThat(frames(cursor)).isEqualTo(frames);
                });
            }
        }
        // A table whose every entry says that more follows, or that lines go back for ever.
        StringLayout text = layout.string();
        for (long word : new long[] {0, -1, 0x7f7f7f7f7f7f7f7fL, 0x8080808080808080L, 0xf0f0f0f0f0f0f0f0L}) {
            with(
                    Map.of(tables[0] + text.bytes(), word, tables[0] + text.bytes() + Long.BYTES, word),
                    (runtime, reader) ->
                            assertThat(frames(new Frames(runtime, reader))).isEqualTo(frames));
        }
    }

    @Test
    void chainsThatLeadBackToThemselvesEnd() throws IOException {
        long[] stack = new long[1];
        long[] first = new long[1];
        with(Map.of(), (runtime, reader) -> {
            AwaitChain chain = new AwaitChain(reader);
            InterpreterFrame frame = new InterpreterFrame(reader);
            for (long generator : generators) {
                List<Long> links = new ArrayList<>();
                chain.over(generator);
                while (chain.next()) {
                    links.add(chain.address());
                }
                if (links.size() == 4) {
                    GeneratorLayout places = layout.generator();
                    assertThat(frame.find(links.get(2) + places.frame())).isTrue();
                    ActivationLayout.Stack place = layout.activation().stack();
                    int count = reader.memory().readInt(frame.address() + place.top());
                    stack[0] = frame.variable(count - places.waiting().depth());
                    first[0] = generator;
                }
            }
        });
        for (long other : new long[] {first[0], 8, stack[0], 0x7ffffffff000L}) {
            with(Map.of(stack[0], other), (runtime, reader) -> {
                AwaitChain chain = new AwaitChain(reader);
                chain.over(first[0]);
                int links = 0;
                while (chain.next()) {
                    links++;
                }
                assertThat(links).isBetween(3, 20);
            });
        }
    }

    @Test
    void nothingIsThrownWhateverWordIsChanged() throws IOException {
        Random random = new Random(1);
        List<Long> places = new ArrayList<>();
        for (int i = 0; i < frames.size(); i++) {
            for (int word = 0; word < layout.activation().bytes() + 64; word += Long.BYTES) {
                places.add(frames.get(i) + word);
            }
            for (int word = 0; word < layout.code().bytes(); word += Long.BYTES) {
                places.add(codes.get(i) + word);
            }
        }
        for (long generator : generators) {
            for (int word = 0;
                    word < layout.generator().bytes() + layout.activation().bytes();
                    word += Long.BYTES) {
                places.add(generator + word);
            }
        }
        for (int i = 0; i < RANDOM_CHANGES; i++) {
            long address = places.get(random.nextInt(places.size()));
            long word = switch (random.nextInt(5)) {
                case 0 -> random.nextLong();
                case 1 -> 1L << random.nextInt(63);
                case 2 -> places.get(random.nextInt(places.size()));
                case 3 -> -1;
                default -> codes.get(random.nextInt(codes.size()));
            };
            with(Map.of(address, word), (runtime, reader) -> {
                Frames cursor = new Frames(runtime, reader);
                assertThat(frames(cursor)).hasSizeLessThan(1000);
                ShortRepr values = new ShortRepr(reader);
                AwaitChain chain = new AwaitChain(reader);
                for (long generator : generators) {
                    assertThat(values.of(generator)).hasSizeLessThan(1 << 13);
                    chain.over(generator);
                    int links = 0;
                    while (chain.next()) {
                        links++;
                    }
                    assertThat(links).isLessThan(100);
                    if (cursor.overGenerator(generator)) {
                        while (cursor.next()) {
                            while (cursor.nextLocal()) {
                                assertThat(values.of(cursor.localValue())).hasSizeLessThan(1 << 13);
                            }
                        }
                    }
                }
            });
        }
    }
}
