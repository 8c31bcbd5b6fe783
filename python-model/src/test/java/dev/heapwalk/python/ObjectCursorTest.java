// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The objects that are told, and what the garbage collector of the same process and {@code sys.getsizeof} tell. */
class ObjectCursorTest {
    /** What holds memory beside the object, which {@code __sizeof__} counts too, and types derived from it. */
    private static final Set<String> OWNERS = Set.of(
            "array.array",
            "bytearray",
            "code",
            "dict",
            "frozendict",
            "frozenset",
            "list",
            "set",
            "type",
            "Struct",
            "_struct.Struct",
            "_io.BufferedReader",
            "_io.BufferedWriter",
            "_io.BytesIO",
            "collections.OrderedDict",
            "collections.defaultdict",
            "collections.deque",
            // A cache of the text in UTF-8 or in wide characters.
            "str",
            "unicode");

    /** Types of the target program and the library that are derived from int, str, bytes, dict or type. */
    private static final Set<String> DERIVED = Set.of(
            "__main__.Dicts",
            "__main__.Late",
            "__main__.Meta",
            "__main__.Number",
            "__main__.Text",
            "__main__.Texts",
            "__main__.Bytes",
            "abc.ABCMeta",
            "enum.EnumMeta",
            "enum.EnumType",
            "enum.EnumCheck",
            "enum.FlagBoundary",
            "re.RegexFlag",
            "signal.Handlers",
            "signal.Sigmasks",
            "signal.Signals",
            "sre_constants._NamedIntConstant",
            "re._constants._NamedIntConstant");

    /** What holds values for code, which is not followed by {@code gc.get_referents}, and what only C code holds. */
    private static final Set<String> HELD_BY_CODE = Set.of("bytes", "code", "int", "long", "float", "str", "tuple");

    /** A block of the module posix begins as such an object does. */
    private static final String NO_OBJECT = "posix.DirEntry";

    /** The most objects of other types that only C code holds, or that are none. */
    private static final int MOST_OTHERS = 150;

    @TempDir
    Path folder;

    /** An object as it was told. */
    private record Told(long type, String name, long size, GcState state, ObjectPlace place, long block) {}

    private final Map<Long, Told> told = new HashMap<>();
    private final Map<Long, String> typeNames = new HashMap<>();
    private final List<Range> modules = new ArrayList<>();
    private long permanent;
    private PythonRuntime runtime;

    private void look(PythonProcess process) {
        try (Target target = Target.attach(process.pid())) {
            look(target);
        }
    }

    void look(Target target) {
        told.clear();
        modules.clear();
        permanent = 0;
        runtime = PythonRuntime.locate(target);
        try (ObjectReader reader = runtime.reader();
                ObjectCursor object = runtime.objects(Heaps.of(target))) {
            while (object.next()) {
                String name = reader.typeNames().of(object.type()).toString().replaceAll("^(__)?builtins?(__)?\\.", "");
                Told before = told.put(
                        object.address(),
                        new Told(object.type(), name, object.size(), object.gcState(), object.place(), object.block()));
                assertThat(before).isNull();
                permanent += object.gcState() == GcState.PERMANENT ? 1 : 0;
            }
            assertThat(object.damages()).isEmpty();
            assertThat(object.notices()).isEmpty();
            assertThat(object.next()).isFalse();
            for (int i = 0; i < object.typeCount(); i++) {
                typeNames.put(
                        object.typeAt(i),
                        reader.typeNames().of(object.typeAt(i)).qualname());
            }
        }
        target.modules().forEach(module -> modules.addAll(module.writableSegments()));
    }

    private static PythonProcess start(Python python, String allocator) throws Exception {
        PythonProcess process =
                PythonProcess.of(python).env("PYTHONMALLOC", allocator).start();
        process.ask("kinds");
        return process;
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void tellsWhatTheCollectorTracksByGeneration(Python python) throws Exception {
        for (String allocator : python.allocators()) {
            try (PythonProcess process = start(python, allocator)) {
                assertTracked(process.askStopped("tracked", () -> look(process)), python);
            }
        }
        try (PythonProcess process = start(python, "")) {
            assertTracked(
                    process.askStopped("tracked", () -> {
                        try (Target core = Target.core(Cores.gcore(process, folder), python.root())) {
                            look(core);
                        }
                    }),
                    python);
        }
    }

    private void assertTracked(List<String> said, Python python) {
        Map<Long, GcState> tracked = new HashMap<>();
        told.forEach((address, object) -> {
            if (object.state != GcState.NOT_COLLECTED && object.state != GcState.UNTRACKED) {
                tracked.put(address, object.state);
            }
        });
        Set<String> generations = new HashSet<>();
        for (String line : said) {
            String[] words = line.split(" ");
            // Without generations, all are told for each.
            GcState state = python.freeThreaded()
                    ? told.get(Long.parseLong(words[1])).state
                    : tracked.get(Long.parseLong(words[1]));
            tracked.remove(Long.parseLong(words[1]));
            if (python.freeThreaded()) {
                assertThat(state).as(line).isEqualTo(GcState.TRACKED);
            } else if (words[0].equals("own")) {
                assertThat(state).as(line).isEqualTo(GcState.GENERATION_0);
            } else if (words[0].equals("-")) {
                assertThat(state).as(line).isIn(GcState.GENERATION_0, GcState.GENERATION_1, GcState.GENERATION_2);
            } else {
                assertThat(state).as(line).isEqualTo(GcState.valueOf("GENERATION_" + words[0]));
                generations.add(words[0]);
            }
        }
        assertThat(said).hasSizeGreaterThan(5000);
        assertThat(generations).hasSize(python.isAtLeast(3, 8) && !python.freeThreaded() ? 3 : 0);
        // What is frozen is not told by the process.
        tracked.values().removeIf(state -> state == GcState.PERMANENT);
        if (python.isAtLeast(3, 7)) {
            assertThat(tracked).isEmpty();
        } else {
            // The arguments of the call that stops it.
            assertThat(tracked.keySet())
                    .hasSize(1)
                    .allMatch(address -> told.get(address).name.equals("tuple"));
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void tellsWhatIsFrozen(Python python) throws Exception {
        if (!python.isAtLeast(3, 7)) {
            return;
        }
        try (PythonProcess process = start(python, "")) {
            look(process);
            assertThat(process.ask("evaluate gc.get_freeze_count()")).containsExactly(Long.toString(permanent));
            List<String> frozen = process.ask("frozen");
            look(process);
            assertThat(frozen).containsExactly(Long.toString(permanent));
            assertThat(permanent).isGreaterThan(5000);
        }
    }

    /** All that other objects refer to is told, or is a variable of a module; and it is as large as Python says. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void tellsWhatOthersReferToWithItsSize(Python python) throws Exception {
        for (String allocator : python.allocators()) {
            try (PythonProcess process = start(python, allocator)) {
                assertSizes(process.askStopped("sizes", () -> look(process)), python);
            }
        }
    }

    void assertSizes(List<String> said, Python python) {
        long sure = 0;
        for (String line : said) {
            String[] words = line.split(" ");
            Told object = told.remove(Long.parseLong(words[words.length == 2 ? 1 : 0]));
            if (words.length == 2) {
                continue;
            }
            if (object == null) {
                long address = Long.parseLong(words[0]);
                assertThat(modules.stream().anyMatch(range -> range.start() <= address && address < range.end()))
                        .as(line + " " + typeNames.get(Long.parseLong(words[1])))
                        .isTrue();
                continue;
            }
            assertThat(object.type).as(line).isEqualTo(Long.parseLong(words[1]));
            long more = object.size - Long.parseLong(words[2]);
            if (more == 0) {
                sure++;
            } else if (object.name.startsWith("datetime.")) {
                // Without a zone it has no room for one, which is counted.
                assertThat(more).as(line + " " + object).isEqualTo(-8);
            } else if (words[3].equals("1")) {
                // Values of attributes that lie within the object are not counted by it.
                assertThat(python.isAtLeast(3, 13)).as(line + " " + object).isTrue();
                assertThat(more).as(line).isPositive().isLessThan(300);
            } else if (more > 0) {
                // They count as their base does: without slots and attributes, or without what is spare.
                assertThat(DERIVED.contains(object.name) || object.name.equals("frame") || object.name.equals("type"))
                        .as(line + " " + object)
                        .isTrue();
            } else {
                assertThat(OWNERS.contains(object.name) || DERIVED.contains(object.name))
                        .as(line + " " + object)
                        .isTrue();
            }
        }
        assertThat(sure).isGreaterThan(9000);
        Map<String, Integer> others = new TreeMap<>();
        told.values().stream()
                .filter(object -> object.place != ObjectPlace.MODULE)
                .filter(object -> !HELD_BY_CODE.contains(object.name))
                .forEach(object -> others.merge(object.name, 1, Integer::sum));
        assertThat(others.values().stream().mapToInt(Integer::intValue).sum())
                .as(others.toString())
                .isLessThan(MOST_OTHERS);
    }

    /** In 2.7, many of these lie in a block, of which some places are free. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void tellsAsManyNumbersAsThereAre(Python python) throws Exception {
        if (python.isAtLeast(3, 0)) {
            return;
        }
        try (PythonProcess process = start(python, "")) {
            look(process);
            long integers = numbers("int");
            long reals = numbers("float");
            process.ask("evaluate KEPT.extend(xrange(10 ** 6, 10 ** 6 + 50000))");
            process.ask("evaluate KEPT.extend(i + 0.5 for i in xrange(30000))");
            look(process);
            assertThat(numbers("int") - integers).isBetween(50_000L, 50_010L);
            assertThat(numbers("float") - reals).isBetween(30_000L, 30_010L);
            process.ask("evaluate KEPT.__delslice__(1000, 41000)");
            look(process);
            assertThat(numbers("int") - integers).isBetween(10_000L, 10_010L);
            process.ask("evaluate KEPT.__delslice__(0, 11000)");
            look(process);
            assertThat(numbers("int") - integers).isBetween(-10L, 10L);
            assertThat(numbers("float") - reals).isBetween(29_000L, 29_010L);
        }
    }

    private long numbers(String type) {
        return told.values().stream().filter(one -> one.name.equals(type)).count();
    }

    /** With heads for debugging, a block tells how many bytes Python asked for. */
    @ParameterizedTest
    @MethodSource("pythonsWithDebugHeads")
    void tellsAsManyBytesAsPythonAskedFor(Python python) throws Exception {
        for (String allocator : python.debuggingAllocators()) {
            try (PythonProcess process = start(python, allocator);
                    Target target = Target.attach(process.pid())) {
                look(target);
                long plain = 0;
                long wrong = 0;
                try (Reader memory = target.memory().reader(1 << 20)) {
                    for (Map.Entry<Long, Told> entry : told.entrySet()) {
                        Told object = entry.getValue();
                        if (object.place == ObjectPlace.MODULE) {
                            continue;
                        }
                        long asked = asked(memory, entry.getKey());
                        assertThat(asked).as(object.toString()).isGreaterThanOrEqualTo(object.size);
                        // Without items, as tp_itemsize of its type tells.
                        long fields = object.type + (python.freeThreaded() ? 16 : 0);
                        if (memory.readLong(fields + 40) == 0 && !object.name.equals("str")) {
                            long spare = asked - object.size;
                            // The type has counted one name less since it was asked for.
                            boolean values = python.isAtLeast(3, 13) && (memory.readLong(fields + 168) & 4) != 0;
                            wrong += object.name.equals(NO_OBJECT) ? 1 : 0;
                            assertThat(spare == 0
                                            || values && (spare == 8 || spare == 16)
                                            || object.name.equals(NO_OBJECT))
                                    .as(object + " of " + asked)
                                    .isTrue();
                            plain++;
                        }
                    }
                }
                assertThat(wrong).isLessThanOrEqualTo(1);
                assertThat(plain).isGreaterThan(5000);
            }
        }
    }

    static Stream<Python> pythonsWithDebugHeads() {
        return Python.all().stream().filter(python -> python.isAtLeast(3, 6));
    }

    /** The number before the last seven bytes that nobody may write to and the letter in front of them. */
    private static long asked(Reader memory, long address) {
        for (int back = 16; back <= 64; back += 16) {
            long letter = memory.readLong(address - back + 8) >>> 8;
            if (letter == 0xFDFDFDFDFDFDFDL || letter == 0xFBFBFBFBFBFBFBL) {
                return Long.reverseBytes(memory.readLong(address - back));
            }
        }
        return -1;
    }

    @ParameterizedTest
    @MethodSource("interpreters")
    void tellsTheObjectsOfAllInterpreters(Python python) throws Exception {
        try (PythonProcess process = start(python, "")) {
            look(process);
            int before = told.size();
            long objects = plainObjects();
            for (String kind : List.of("", "own")) {
                process.ask("interpreter " + kind);
            }
            look(process);
            assertThat(runtime.interpreters()).hasSize(3);
            assertThat(told.size() - before).isGreaterThan(20_000);
            // Each has 10,000 of its own, and some that its library makes.
            assertThat(plainObjects() - objects).isBetween(20_000L, 20_000 + 2 * objects);
            assertThat(told.values()).noneMatch(object -> object.state == GcState.ELSEWHERE);
        }
    }

    private long plainObjects() {
        return told.values().stream()
                .filter(object -> object.name.equals("object"))
                .count();
    }

    static Stream<Python> interpreters() {
        return Python.debian().stream();
    }

    @Test
    void allocatesNothingForAnObject() throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        for (String allocator : List.of("pymalloc", "malloc")) {
            try (PythonProcess process = start(Python.trixie(), allocator)) {
                process.ask("fill 200000");
                try (Target target = Target.attach(process.pid())) {
                    runtime = PythonRuntime.locate(target);
                    for (int i = 0; i < 2; i++) {
                        try (ObjectCursor object = runtime.objects(Heaps.of(target))) {
                            assertThat(object.next()).isTrue();
                            long before = threads.getCurrentThreadAllocatedBytes();
                            long count = 0;
                            while (object.next()) {
                                count++;
                            }
                            assertThat(count).isGreaterThan(400_000);
                            assertThat(threads.getCurrentThreadAllocatedBytes() - before)
                                    .isLessThan(i == 0 ? Long.MAX_VALUE : 200_000);
                        }
                    }
                }
            }
        }
    }

    @Test
    void saysWhatIsMissingWithoutMalloc() throws Exception {
        try (PythonProcess process = start(Python.trixie(), "");
                Target target = Target.attach(process.pid());
                ObjectCursor object = PythonRuntime.locate(target).objects(Heaps.of(target, List.of()))) {
            assertThat(object.notices()).singleElement().asString().contains("malloc");
            int count = 0;
            while (object.next()) {
                assertThat(object.place()).isNotEqualTo(ObjectPlace.MALLOC);
                count++;
            }
            assertThat(count).isGreaterThan(10_000);
            assertThat(object.damages()).extracting(Damage::reason).isEmpty();
        }
    }
}
