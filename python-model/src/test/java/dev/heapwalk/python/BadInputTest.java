// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.python.frame.Frames;
import dev.heapwalk.python.frame.Threads;
import dev.heapwalk.python.gc.References;
import dev.heapwalk.python.object.PyUnicode;
import dev.heapwalk.python.owned.OwnedBuffers;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Objects that are harmed in all that has a length, a link or a type, and cores that are cut off or have no constants:
 * everything that reads objects comes to its end, and throws nothing.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BadInputTest {
    private static final long[] HOSTILE = {-1, 0, 8, 1L << 20, 1L << 30, 0xFFFFFFFFL, Long.MAX_VALUE, Long.MIN_VALUE};
    /** For everything that one changed core takes; many times what it needs. */
    private static final Duration LIMIT = Duration.ofMinutes(2);

    private static final int ROUNDS = 8;
    private static final int HARMS = 300;
    private static final int WORDS_OF_AN_OBJECT = 12;

    @TempDir
    static Path folder;

    private final Python python = Python.trixie();
    private Path core;
    private int sound;
    private final List<Long> objects = new ArrayList<>();

    @BeforeAll
    void makeCore() throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("kinds");
            core = Cores.gcore(process, folder);
        }
        try (Target target = Target.core(core, python.root())) {
            sound = readAll(target, objects);
        }
        assertThat(sound).isGreaterThan(20_000);
    }

    @AfterAll
    void forget() throws IOException {
        Files.deleteIfExists(core);
    }

    /** Reads all of all objects; returns how many there are. */
    private static int readAll(Target target, List<Long> addresses) {
        PythonRuntime runtime = PythonRuntime.locate(target);
        int count = 0;
        try (ObjectReader reader = runtime.reader();
                ObjectCursor object = runtime.objects(Heaps.of(target));
                References references = new References(runtime, reader)) {
            OwnedBuffers buffers = new OwnedBuffers(runtime, reader);
            PyUnicode text = new PyUnicode(reader);
            StringBuilder label = new StringBuilder();
            while (object.next()) {
                count++;
                addresses.add(object.address());
                assertThat(object.size()).isPositive();
                assertThat(reader.typeNames().of(object.type()).toString()).isNotEmpty();
                buffers.buffers(object.address(), object.type(), (at, bytes, kind) -> {
                    assertThat(bytes).isPositive();
                });
                references.all(object.address(), object.type(), (to, kind, name) -> {
                    label.setLength(0);
                    name.appendTo(label);
                });
                if (reader.find(object.address(), text)) {
                    assertThat(text.text(100).length()).isLessThanOrEqualTo(200);
                }
            }
            readFrames(runtime, reader);
        }
        return count;
    }

    private static void readFrames(PythonRuntime runtime, ObjectReader reader) {
        new Threads(runtime, reader).all();
        Frames frames = new Frames(runtime, reader);
        for (PythonInterpreter interpreter : runtime.interpreters()) {
            for (PythonThread thread : interpreter.threads()) {
                frames.overThread(thread);
                while (frames.next()) {
                    frames.line();
                    frames.name();
                    while (frames.nextLocal()) {
                        frames.localName();
                        frames.localValue();
                    }
                }
            }
        }
    }

    private interface Change {
        void in(Words words);
    }

    /** The words of the core, which are as they were when this is closed. */
    private final class Words implements AutoCloseable {
        private final CoreEditor editor;
        private final Map<Long, Long> before = new LinkedHashMap<>();

        Words() throws IOException {
            editor = new CoreEditor(core);
        }

        void set(long address, long value) {
            before.putIfAbsent(address, editor.word(address));
            editor.set(address, value);
        }

        @Override
        public void close() {
            before.forEach(editor::set);
            editor.close();
        }
    }

    /** Reads all of a harmed core; that no interpreter is found any more may be told, but nothing else. */
    private int with(String what, Change change) throws IOException {
        int[] count = new int[1];
        try (Words words = new Words()) {
            change.in(words);
            long start = System.nanoTime();
            assertThatCode(() -> {
                        try (Target target = Target.core(core, python.root())) {
                            count[0] = readAll(target, new ArrayList<>());
                        } catch (TargetException e) {
                            assertThat(e.getMessage()).doesNotContain("\n");
                        }
                    })
                    .as(what)
                    .doesNotThrowAnyException();
            assertThat(System.nanoTime() - start).as(what).isLessThan(LIMIT.toNanos());
        }
        return count[0];
    }

    /** Each word of one object of each type, with each hostile value. */
    @Test
    void readsHarmedObjectsOfEachType() throws Exception {
        Map<Long, Long> ofType = new HashMap<>();
        try (Target target = Target.core(core, python.root());
                Reader memory = target.memory().reader(1 << 20)) {
            objects.forEach(address -> ofType.putIfAbsent(memory.readLong(address + 8, 0), address));
        }
        assertThat(ofType).hasSizeGreaterThan(100);
        for (long value : HOSTILE) {
            for (int word : new int[] {2, 3, 4, 5, 8}) {
                int now = with(
                        "word %d is 0x%x".formatted(word, value),
                        words -> ofType.values().forEach(address -> setIfThere(words, address + 8L * word, value)));
                // The type of all types, and with it the heap, may not be found any more.
                assertThat(now == 0 || now > sound / 10).isTrue();
            }
        }
    }

    private static void setIfThere(Words words, long address, long value) {
        try {
            words.set(address, value);
        } catch (IllegalArgumentException e) {
            // Not in the core.
        }
    }

    /** Many objects lead to each other, in circles too, where lists, entries, bases and links are expected. */
    @Test
    void readsObjectsThatAreLinkedAtRandom() throws Exception {
        for (int seed = 1; seed <= ROUNDS; seed++) {
            Random random = new Random(seed);
            int now = with("seed " + seed, words -> {
                for (int i = 0; i < HARMS; i++) {
                    long at = objects.get(random.nextInt(objects.size()));
                    long to = objects.get(random.nextInt(objects.size()));
                    long value = switch (random.nextInt(4)) {
                        case 0 -> at;
                        case 1 -> to + 8L * random.nextInt(-4, WORDS_OF_AN_OBJECT);
                        case 2 -> HOSTILE[random.nextInt(HOSTILE.length)];
                        default -> to;
                    };
                    setIfThere(words, at + 8L * random.nextInt(WORDS_OF_AN_OBJECT), value);
                }
            });
            assertThat(now == 0 || now > sound / 2).as("seed %d: %d", seed, now).isTrue();
        }
    }

    /** Names and texts that are noise. */
    @Test
    void readsHostileNames() throws Exception {
        List<Long> places = new ArrayList<>();
        try (Target target = Target.core(core, python.root());
                Reader memory = target.memory().reader(1 << 20)) {
            for (long address : objects) {
                // Names of types that the program made, in C and as objects, and their dictionaries.
                boolean type = (memory.readLong(memory.readLong(address + 8, 0) + 168, 0) & 1L << 31) != 0;
                if (type && (memory.readLong(address + 168, 0) & 1L << 9) != 0) {
                    places.add(memory.readLong(address + 24, 0));
                    places.add(memory.readLong(address + 856, 0) + 40);
                    places.add(memory.readLong(address + 872, 0) + 40);
                }
            }
        }
        assertThat(places).hasSizeGreaterThan(500);
        for (long noise : new long[] {0xFFFEFDFCFBFAF9F8L, 0x0a0d1b5b41070800L, 0xEDA080EDB0800A0DL, 0}) {
            int now = with(
                    "names are 0x%x".formatted(noise),
                    words -> places.forEach(place -> setIfThere(words, place & -8L, noise)));
            assertThat(now).isGreaterThan(sound / 2);
        }
    }

    /** A core that ends somewhere. */
    @Test
    void readsCoresThatAreCutOff() throws Exception {
        long size = Files.size(core);
        for (int part = 1; part < 10; part++) {
            Path cut = Files.copy(core, folder.resolve("cut" + part));
            try (FileChannel channel = FileChannel.open(cut, StandardOpenOption.WRITE)) {
                channel.truncate(size * part / 10 + part);
            }
            assertThatCode(() -> {
                        try (Target target = Target.core(cut, python.root())) {
                            readAll(target, new ArrayList<>());
                        } catch (TargetException e) {
                            assertThat(e.getMessage()).doesNotContain("\n");
                        }
                    })
                    .as("%d tenths", part)
                    .doesNotThrowAnyException();
            Files.delete(cut);
        }
    }

    /** Constants are not in a core; names of static types come from the file, else from what their flags tell. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#debian")
    void namesTypesWithoutConstants(Python some) throws Exception {
        Path bare;
        Map<Long, String> live;
        try (PythonProcess process = PythonProcess.of(some).start()) {
            bare = Cores.gcore(process, folder);
            try (Target target = Target.attach(process.pid())) {
                live = names(target);
            }
        }
        try (Target target = Target.core(bare, some.root())) {
            assertThat(names(target)).isEqualTo(live);
        }
        try (CoreEditor editor = new CoreEditor(bare)) {
            editor.forgetConstants();
        }
        try (Target target = Target.core(bare, folder)) {
            Map<Long, String> without = names(target);
            // Types that are constants themselves are not in the core.
            assertThat(live.keySet()).containsAll(without.keySet());
            assertThat(without).hasSizeGreaterThan(live.size() / 2);
            int unknown = 0;
            for (Map.Entry<Long, String> one : without.entrySet()) {
                String name = live.get(one.getKey());
                if (!one.getValue().equals(name)) {
                    assertThat(one.getValue()).as(name).isEqualTo("type@0x%x".formatted(one.getKey()));
                    unknown++;
                }
            }
            assertThat(without)
                    .containsValues(
                            "builtins.object",
                            "builtins.type",
                            "builtins.dict",
                            "builtins.list",
                            "builtins.tuple",
                            "builtins.str",
                            "builtins.int",
                            "builtins.bytes",
                            "builtins.BaseException",
                            "__main__.Plain");
            assertThat(unknown).isPositive().isLessThan(without.size());
        } finally {
            Files.delete(bare);
        }
    }

    private static Map<Long, String> names(Target target) {
        Map<Long, String> names = new HashMap<>();
        PythonRuntime runtime = PythonRuntime.locate(target);
        try (ObjectReader reader = runtime.reader();
                ObjectCursor object = runtime.objects(Heaps.of(target))) {
            for (int i = 0; i < object.typeCount(); i++) {
                names.put(
                        object.typeAt(i),
                        reader.typeNames().of(object.typeAt(i)).toString());
            }
        }
        return names;
    }
}
