// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.owned;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectPlace;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The buffers that are told, and what the heads for debugging say of the same blocks. */
class OwnedBuffersTest {
    /** What counts all that it owns. */
    private static final Set<String> COUNTED = Set.of(
            "__builtin__.list",
            "__builtin__.dict",
            "__builtin__.set",
            "__builtin__.frozenset",
            "__builtin__.bytearray",
            "__builtin__.unicode",
            "_io.BytesIO",
            "array.array",
            "builtins.list",
            "builtins.dict",
            "builtins.set",
            "builtins.frozenset",
            "builtins.bytearray",
            "builtins.str",
            "collections.deque",
            "collections.OrderedDict",
            "collections.defaultdict");

    /** But not this. */
    private static final Set<BufferKind> UNCOUNTED = EnumSet.of(BufferKind.DEQUE_SPARE);

    static Stream<Python> pythonsWithDebugHeads() {
        return Python.all().stream().filter(python -> python.isAtLeast(3, 6));
    }

    /** With heads for debugging, a block tells how many bytes Python asked for. */
    @ParameterizedTest
    @MethodSource("pythonsWithDebugHeads")
    void tellsAsManyBytesAsPythonAskedFor(Python python) throws Exception {
        for (String allocator : python.debuggingAllocators()) {
            try (PythonProcess process =
                    PythonProcess.of(python).env("PYTHONMALLOC", allocator).start()) {
                process.ask("kinds");
                process.ask("owners");
                try (Target target = Target.attach(process.pid());
                        Reader memory = target.memory().reader(1 << 20)) {
                    PythonRuntime runtime = PythonRuntime.locate(target);
                    Map<BufferKind, Integer> exact = new EnumMap<>(BufferKind.class);
                    Map<String, Integer> off = new HashMap<>();
                    try (ObjectReader reader = runtime.reader();
                            ObjectCursor object = runtime.objects(Heaps.of(target))) {
                        OwnedBuffers buffers = new OwnedBuffers(runtime, reader);
                        while (object.next()) {
                            if (object.place() == ObjectPlace.MODULE) {
                                continue;
                            }
                            buffers.buffers(object.address(), object.type(), (address, bytes, kind) -> {
                                long asked = asked(memory, address);
                                if (asked == bytes) {
                                    exact.merge(kind, 1, Integer::sum);
                                } else {
                                    off.merge(kind + " " + bytes + "/" + asked, 1, Integer::sum);
                                }
                            });
                        }
                    }
                    assertThat(off).isEmpty();
                    assertThat(exact.keySet()).isEqualTo(kinds(python));
                    assertThat(exact.values()).allMatch(count -> count > 0);
                    assertThat(exact.get(BufferKind.LIST_ITEMS)).isGreaterThan(150);
                    assertThat(exact.get(BufferKind.DICT_KEYS)).isGreaterThan(700);
                    assertThat(exact.get(BufferKind.ORDER_NODE)).isGreaterThan(429);
                }
            }
        }
    }

    /** An object with what is not counted by its {@code __sizeof__}, and what is. */
    private record Told(String type, long own, long owned, boolean shares) {}

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void tellsAsManyBytesAsGetsizeofCounts(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("kinds");
            process.ask("owners");
            Map<Long, Told> told = new HashMap<>();
            List<String> said = process.askStopped("sizes", () -> told.putAll(look(process)));
            Map<String, Integer> compared = new HashMap<>();
            said.stream()
                    .filter(line -> line.startsWith("own "))
                    .forEach(line -> told.remove(Long.parseLong(line.split(" ")[1])));
            for (String line : said) {
                String[] words = line.split(" ");
                Told object = words.length == 2 ? null : told.get(Long.parseLong(words[0]));
                if (object != null && !object.shares && COUNTED.contains(object.type) && !ownsObject(object, python)) {
                    // The word before the items of a list is not counted.
                    long head = python.freeThreaded() && object.owned > 0 && object.type.equals("builtins.list")
                            ? Long.BYTES
                            : 0;
                    assertThat(object.own + object.owned - head)
                            .as(line + object)
                            .isEqualTo(Long.parseLong(words[2]));
                    compared.merge(object.type.replaceFirst("^(__builtin__|builtins)\\.", ""), 1, Integer::sum);
                }
            }
            assertThat(compared.keySet()).contains("array.array", "collections.deque", "frozenset", "set");
            assertThat(compared.get("list"))
                    .as(said.size() + " " + told.size() + " " + compared)
                    .isGreaterThan(170);
            assertThat(compared.get("dict"))
                    .as(said.size() + " " + told.size() + " " + compared)
                    .isGreaterThan(600);
            assertThat(compared.get(python.isAtLeast(3, 0) ? "str" : "unicode"))
                    .isGreaterThan(python.isAtLeast(3, 0) ? 5000 : 10);
        }
    }

    /** Whether what it counts is an object of its own. */
    private static boolean ownsObject(Told object, Python python) {
        return object.type.equals("_io.BytesIO") && python.isAtLeast(3, 0)
                || object.type.equals("builtins.bytearray") && python.isAtLeast(3, 15);
    }

    private static Map<Long, Told> look(PythonProcess process) {
        Map<Long, Told> told = new HashMap<>();
        try (Target target = Target.attach(process.pid())) {
            PythonRuntime runtime = PythonRuntime.locate(target);
            try (ObjectReader reader = runtime.reader();
                    ObjectCursor object = runtime.objects(Heaps.of(target))) {
                OwnedBuffers buffers = new OwnedBuffers(runtime, reader);
                long[] sums = new long[2];
                while (object.next()) {
                    Arrays.fill(sums, 0);
                    buffers.buffers(object.address(), object.type(), (address, bytes, kind) -> {
                        sums[kind.shared() ? 1 : 0] += UNCOUNTED.contains(kind) ? 0 : bytes;
                    });
                    told.put(
                            object.address(),
                            new Told(
                                    reader.typeNames().of(object.type()).toString(),
                                    object.size(),
                                    sums[0],
                                    sums[1] > 0));
                }
                assertThat(object.damages()).isEmpty();
            }
        }
        return told;
    }

    /** The kinds that the version has; what tools attach to code is made by functions of C alone. */
    private static Set<BufferKind> kinds(Python python) {
        Set<BufferKind> kinds = EnumSet.allOf(BufferKind.class);
        kinds.removeAll(EnumSet.of(BufferKind.DICT_TABLE, BufferKind.BYTES_IO, BufferKind.CODE_EXTRA));
        keep(kinds, !python.isAtLeast(3, 8), BufferKind.WIDE_TEXT);
        keep(kinds, !python.isAtLeast(3, 15), BufferKind.BYTE_ARRAY);
        keep(kinds, !python.isAtLeast(3, 11), BufferKind.CODE_CELL_ARGUMENTS, BufferKind.CODE_FRAME);
        boolean caches = python.isAtLeast(3, 8) && !python.isAtLeast(3, 11);
        keep(kinds, caches, BufferKind.CODE_OPCACHE, BufferKind.CODE_OPCACHE_MAP);
        keep(kinds, python.isAtLeast(3, 11), BufferKind.DEQUE_SPARE, BufferKind.TYPE_NAME);
        boolean prefixed = python.isAtLeast(3, 11) && !python.isAtLeast(3, 13);
        keep(kinds, prefixed, BufferKind.INSTANCE_VALUES);
        keep(kinds, prefixed && !python.isAtLeast(3, 12), BufferKind.CODE_LINES);
        keep(kinds, python.freeThreaded() && python.isAtLeast(3, 14), BufferKind.CODE_THREADS);
        keep(kinds, python.isAtLeast(3, 12), BufferKind.CODE_CACHED, BufferKind.CODE_MONITORING);
        return kinds;
    }

    private static void keep(Set<BufferKind> kinds, boolean there, BufferKind... some) {
        if (!there) {
            kinds.removeAll(List.of(some));
        }
    }

    /** The number before the last seven bytes that nobody may write to and the letter in front of them. */
    private static long asked(Reader memory, long address) {
        long letter = memory.readLong(address - 8, 0) >>> 8;
        return letter == 0xFDFDFDFDFDFDFDL || letter == 0xFBFBFBFBFBFBFBL
                ? Long.reverseBytes(memory.readLong(address - 16))
                : -1;
    }
}
