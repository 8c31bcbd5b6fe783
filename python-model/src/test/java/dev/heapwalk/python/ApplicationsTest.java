// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.gc.References;
import dev.heapwalk.python.owned.BufferKind;
import dev.heapwalk.python.owned.OwnedBuffers;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonApplication;
import dev.heapwalk.testkit.PythonProcess;
import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Applications as people run them: what is told of their objects is what they tell themselves, object by object. */
class ApplicationsTest {
    /** What code holds, and the collector does not know: constants, names, and tables of lines and exceptions. */
    static final Set<String> HELD_BY_CODE = Set.of("bytes", "code", "float", "int", "str", "tuple");

    /** What C code holds alone: states of modules, caches, and frames kept for the next call. */
    static final Set<String> HELD_BY_C = Set.of(
            "ContextVar",
            "PyCapsule",
            "_contextvars.ContextVar",
            "_hashlib.HMAC",
            "_struct.Struct",
            "_thread._localdummy",
            "asyncgen_hooks",
            "complex",
            "datetime.datetime",
            "datetime.timedelta",
            "dict",
            "frame",
            "numpy._ArrayMethod",
            "numpy.complex64",
            "numpy.dtype",
            "numpy.ndarray",
            "object",
            "range_iterator",
            "select.poll",
            "sqlite3.Cache",
            "sqlite3.Statement",
            "sqlite3Node");

    /** The most objects that C code holds alone; of NumPy's methods of arrays there are some hundreds. */
    private static final int MOST_HELD_BY_C = 150;

    private static final int MOST_OF_NUMPY = 600;
    /**
     * Types that may miss references, or have too many: modules of C extensions, which keep objects where their code
     * alone knows, and others whose C code does so; each is told with how many.
     */
    private static final Set<String> MAY_MISS = Set.of(
            "PyCapsule",
            "_ctypes.PyCArrayType",
            "_ctypes.PyCPointerType",
            "_ctypes.PyCFuncPtrType",
            "_ctypes.PyCSimpleType",
            "cython_function_or_method",
            "_cython_3_0_11.cython_function_or_method",
            "module",
            "urllib.parse.SplitResult");

    /** Where references begin in a line of the description. */
    private static final int FIRST_REFERENCE = 4;

    /** Types whose __sizeof__ counts otherwise: what C libraries have for them, or without what is spare. */
    private static final Set<String> COUNTED_OTHERWISE = Set.of(
            // An array of bytes owns an object with them, since 3.15.
            "bytearray",
            "code",
            "frame",
            "frozendict",
            "type",
            "OrderedDict",
            "StgDict",
            "PyCArrayType",
            "PyCFuncPtrType",
            "PyCPointerType",
            "PyCSimpleType",
            "PyCStructType",
            "UnionType",
            "BufferedReader",
            "BufferedWriter",
            "Element",
            "Pickler",
            "permutations",
            "product",
            // NumPy's own.
            "ndarray",
            "_DTypeMeta",
            "datetime64",
            "timedelta64",
            "float16",
            "float32",
            "float64",
            "float128",
            "longdouble",
            "longlong",
            "int16",
            "int32",
            "int64");

    static Stream<Arguments> applications() {
        return Python.debian().stream()
                .flatMap(python -> Stream.of(PythonApplication.values())
                        .filter(application -> application.isOn(python))
                        .map(application -> Arguments.of(python, application)));
    }

    private record Told(
            long type, String name, long size, long owned, boolean split, GcState state, ObjectPlace place) {
        boolean tracked() {
            return state != GcState.NOT_COLLECTED && state != GcState.UNTRACKED;
        }

        boolean inList() {
            return tracked() && state != GcState.PERMANENT;
        }
    }

    private final Map<Long, Told> told = new HashMap<>();
    private final List<Range> modules = new ArrayList<>();
    private int sure;

    /** What each object refers to, sorted; and of which types these are not known to be all. */
    private final Map<Long, long[]> references = new HashMap<>();

    private final Set<Long> guessed = new HashSet<>();
    /** References that are missing or too many, by type. */
    private final Map<String, Tally> tallies = new TreeMap<>();

    private static final class Tally {
        private int objects;
        private int references;
        private int missing;
        private int tooMany;
        private boolean guessed;

        boolean wrong() {
            return missing > 0 || tooMany > 0;
        }

        @Override
        public String toString() {
            return "%d of %d references of %d objects missing, %d too many%s"
                    .formatted(missing, references, objects, tooMany, guessed ? ", guessed" : "");
        }
    }

    private void look(PythonProcess process) {
        try (Target target = Target.attach(process.pid())) {
            PythonRuntime runtime = PythonRuntime.locate(target);
            try (ObjectReader reader = runtime.reader();
                    ObjectCursor object = runtime.objects(Heaps.of(target));
                    References all = new References(runtime, reader)) {
                OwnedBuffers buffers = new OwnedBuffers(runtime, reader);
                long[] owned = new long[1];
                boolean[] split = new boolean[1];
                LongStream.Builder[] found = new LongStream.Builder[1];
                while (object.next()) {
                    owned[0] = 0;
                    split[0] = false;
                    buffers.buffers(object.address(), object.type(), (at, bytes, kind) -> {
                        split[0] |= kind.shared();
                        owned[0] += kind.shared() || kind == BufferKind.DEQUE_SPARE ? 0 : bytes;
                    });
                    found[0] = LongStream.builder();
                    if (!all.references(object.address(), object.type(), (to, kind, label) -> found[0].add(to))) {
                        guessed.add(object.type());
                    }
                    references.put(object.address(), found[0].build().sorted().toArray());
                    String name =
                            reader.typeNames().of(object.type()).toString().replaceAll("^builtins\\.", "");
                    told.put(
                            object.address(),
                            new Told(
                                    object.type(),
                                    name,
                                    object.size(),
                                    owned[0],
                                    split[0],
                                    object.gcState(),
                                    object.place()));
                }
                assertThat(object.damages()).isEmpty();
                assertThat(object.notices()).isEmpty();
            }
            target.modules().forEach(module -> modules.addAll(module.writableSegments()));
        }
    }

    @ParameterizedTest
    @MethodSource("applications")
    void tellsWhatTheApplicationTells(Python python, PythonApplication application) throws Exception {
        Path file;
        try (PythonProcess process = PythonProcess.of(python, application).start()) {
            process.ask("load 20");
            file = process.askStoppedForFile("describe", () -> look(process));
            Map<Long, String> names = new HashMap<>();
            Set<Long> plain = new HashSet<>();
            try (BufferedReader lines = Files.newBufferedReader(file)) {
                lines.lines().filter(line -> line.startsWith("type")).forEach(line -> {
                    String[] words = line.split(" ");
                    names.put(Long.parseLong(words[1]), words[2]);
                    if (words[3].equals("0")) {
                        plain.add(Long.parseLong(words[1]));
                    }
                });
            }
            try (BufferedReader lines = Files.newBufferedReader(file)) {
                lines.lines()
                        .filter(line -> !line.startsWith("type"))
                        .forEach(line -> compare(line, names, plain, python));
            }
        }
        assertThat(sure).isGreaterThan(20_000);
        tallies.forEach((name, tally) -> {
            assertThat(tally.missing)
                    .as(name + ": " + tally)
                    .isLessThanOrEqualTo(MAY_MISS.contains(name) ? tally.references : 0);
            assertThat(tally.tooMany == 0 || tally.guessed || MAY_MISS.contains(name))
                    .as(name + ": " + tally)
                    .isTrue();
        });
        if (tallies.values().stream().anyMatch(Tally::wrong)) {
            System.out.printf("references that differ: %s in %s: %s%n", application, python, wrong());
        }
        Map<String, Integer> rest = new TreeMap<>();
        told.values().stream()
                .filter(object -> object.place != ObjectPlace.MODULE && !HELD_BY_CODE.contains(object.name))
                .forEach(object ->
                        rest.merge(object.name.replaceAll("^numpy\\.dtype.*", "numpy.dtype"), 1, Integer::sum));
        assertThat(HELD_BY_C).as(rest.toString()).containsAll(rest.keySet());
        rest.forEach((name, count) ->
                assertThat(count).as(name).isLessThan(name.startsWith("numpy") ? MOST_OF_NUMPY : MOST_HELD_BY_C));
        // All that the collector has in its lists is what the application has told; up to 3.9 but the arguments of the
        // call that stopped it.
        assertThat(told.values().stream().filter(object -> object.inList() && object.place != ObjectPlace.MODULE))
                .hasSizeLessThanOrEqualTo(python.isAtLeast(3, 10) ? 0 : 2);
    }

    private void compare(String line, Map<Long, String> names, Set<Long> plain, Python python) {
        String[] words = line.split(" ");
        long address = Long.parseLong(words[words[0].equals("own") ? 1 : 0]);
        Told object = told.remove(address);
        if (words[0].equals("own")) {
            return;
        }
        long type = Long.parseLong(words[1]);
        String name = names.get(type);
        if (object == null) {
            assertThat(modules.stream().anyMatch(range -> range.start() <= address && address < range.end()))
                    .as(line + " " + name)
                    .isTrue();
            return;
        }
        assertThat(object.type).as(line + " " + name).isEqualTo(type);
        assertThat(object.tracked()).as(line + " " + object).isEqualTo(words[3].equals("1"));
        compareReferences(references.get(address), words, object);
        long said = Long.parseLong(words[2]);
        if (plain.contains(type)) {
            checkPlain(object.size - said, object, python);
        } else if (object.size + object.owned == said) {
            sure++;
        } else {
            // Of values that share their keys, what is before and behind them is not counted, or they lie in an object.
            // Types of Python's own count as what they are derived from, without attributes and slots.
            assertThat(object.split || COUNTED_OTHERWISE.contains(name.replace("-.", "")) || !name.startsWith("-."))
                    .as(line + " " + name + " " + object)
                    .isTrue();
        }
    }

    private Map<String, Tally> wrong() {
        Map<String, Tally> wrong = new TreeMap<>(tallies);
        wrong.values().removeIf(tally -> !tally.wrong());
        return wrong;
    }

    private void compareReferences(long[] found, String[] words, Told object) {
        long[] expected = Arrays.stream(words)
                .skip(FIRST_REFERENCE)
                .mapToLong(Long::parseLong)
                .sorted()
                .toArray();
        Tally tally = tallies.computeIfAbsent(object.name, name -> new Tally());
        tally.objects++;
        tally.references += expected.length;
        tally.guessed |= guessed.contains(object.type);
        int i = 0;
        int j = 0;
        while (i < expected.length || j < found.length) {
            if (j == found.length || i < expected.length && expected[i] < found[j]) {
                tally.missing++;
                i++;
            } else if (i == expected.length || found[j] < expected[i]) {
                // What is not the collector's tells nothing.
                tally.tooMany += object.state == GcState.NOT_COLLECTED ? 0 : 1;
                j++;
            } else {
                i++;
                j++;
            }
        }
    }

    /** One that is as large as its type says. */
    private void checkPlain(long more, Told object, Python python) {
        if (more == 0) {
            sure++;
        } else if (object.name.startsWith("datetime.")) {
            // Without a zone it has no room for one, which is counted.
            assertThat(more).as(object.toString()).isEqualTo(-8);
        } else {
            // Values of attributes that lie within the object are not counted by it.
            assertThat(python.isAtLeast(3, 13)).as(object.toString()).isTrue();
            assertThat(more).as(object.toString()).isPositive().isLessThan(300);
        }
    }
}
