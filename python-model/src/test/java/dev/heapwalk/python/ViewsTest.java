// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.python.object.PyByteArray;
import dev.heapwalk.python.object.PyBytes;
import dev.heapwalk.python.object.PyCell;
import dev.heapwalk.python.object.PyCode;
import dev.heapwalk.python.object.PyFloat;
import dev.heapwalk.python.object.PyFunction;
import dev.heapwalk.python.object.PyList;
import dev.heapwalk.python.object.PyMethod;
import dev.heapwalk.python.object.PyModule;
import dev.heapwalk.python.object.PyObject;
import dev.heapwalk.python.object.PySet;
import dev.heapwalk.python.object.PyTuple;
import dev.heapwalk.python.object.PyUnicode;
import dev.heapwalk.python.object.PyWeakref;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the views of containers, functions and the like tell, and what Python tells of all such objects it has. */
class ViewsTest {
    private static final int LONGEST = 1 << 16;

    @TempDir
    Path folder;

    private ObjectReader reader;
    private Map<String, PyObject> views;
    private PyUnicode unicode;
    private PyBytes bytes;

    private Map<String, PyObject> make() {
        return Map.ofEntries(
                Map.entry("float", new PyFloat(reader)),
                Map.entry("tuple", new PyTuple(reader)),
                Map.entry("list", new PyList(reader)),
                Map.entry("set", new PySet(reader)),
                Map.entry("bytearray", new PyByteArray(reader)),
                Map.entry("code", new PyCode(reader)),
                Map.entry("function", new PyFunction(reader)),
                Map.entry("module", new PyModule(reader)),
                Map.entry("cell", new PyCell(reader)),
                Map.entry("method", new PyMethod(reader)),
                Map.entry("weakref", new PyWeakref(reader)));
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void tellWhatPythonTells(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("kinds");
            // It says what it knew when it stopped itself as soon as it goes on.
            Path[] core = new Path[1];
            List<String> said = process.askStopped("views", () -> core[0] = Cores.gcore(process, folder));
            try (Target target = Target.core(core[0], python.root());
                    ObjectReader objects = PythonRuntime.locate(target).reader()) {
                reader = objects;
                unicode = new PyUnicode(reader);
                bytes = new PyBytes(reader);
                views = new HashMap<>(make());
                if (python.freeThreaded() && !python.isAtLeast(3, 14)) {
                    // Modules live for ever there, and the collector does not know them.
                    assertThat(said).noneMatch(line -> line.startsWith("module "));
                    views.remove("module");
                }
                assertSaid(said);
            }
        }
    }

    private void assertSaid(List<String> said) {
        Map<String, Integer> counts = new TreeMap<>();
        for (String line : said) {
            List<String> words = List.of(line.split(" "));
            String kind = words.getFirst();
            long address = Long.parseLong(words.get(1));
            counts.merge(kind, 1, Integer::sum);
            views.forEach((name, view) -> assertThat(reader.find(address, view))
                    .as("a view of %s over %s", name, line)
                    .isEqualTo(name.equals(kind)));
            List<String> expected = words.subList(2, words.size());
            List<String> found = read(kind);
            // What a weak reference calls, 2.7 does not say.
            int known = !expected.isEmpty() && expected.getLast().equals("?") ? expected.size() - 1 : expected.size();
            assertThat(found.subList(0, known)).as(line).isEqualTo(expected.subList(0, known));
            assertThat(found).as(line).hasSameSizeAs(expected);
        }
        assertThat(counts).containsOnlyKeys(views.keySet());
        // The collector knows fewer tuples where constants live for ever.
        assertThat(said).hasSizeGreaterThan(views.containsKey("module") ? 3000 : 2000);
    }

    private List<String> read(String kind) {
        List<Object> found = switch (views.get(kind)) {
            case PyFloat some -> List.of("%016x".formatted(Double.doubleToRawLongBits(some.value())));
            case PyTuple some -> items(some.size(), some::item);
            case PyList some -> {
                assertThat(some.allocated()).isGreaterThanOrEqualTo(some.size());
                yield items(some.size(), some::item);
            }
            case PySet some -> keys(some);
            case PyByteArray some -> {
                assertThat(some.allocated()).isGreaterThanOrEqualTo(some.size());
                yield List.of(hex(some.value(LONGEST)));
            }
            case PyCode some ->
                List.of(
                        some.consts(),
                        some.names(),
                        some.firstLine(),
                        text(some.name()),
                        text(some.filename()),
                        text(some.qualname()));
            case PyFunction some ->
                List.of(
                        some.code(),
                        some.globals(),
                        some.defaults(),
                        some.closure(),
                        text(some.name()),
                        text(some.qualname()));
            case PyModule some -> List.of(some.dict());
            case PyCell some -> List.of(some.ref());
            case PyMethod some -> List.of(some.func(), some.self());
            case PyWeakref some -> List.of(some.object(), some.callback());
            default -> throw new IllegalStateException(kind);
        };
        return found.stream().map(Object::toString).toList();
    }

    private interface Item {
        long at(long index);
    }

    private static List<Object> items(long size, Item item) {
        List<Object> items = new ArrayList<>();
        for (long i = 0; i < size; i++) {
            items.add(item.at(i));
        }
        return items;
    }

    private static List<Object> keys(PySet set) {
        List<Object> keys = new ArrayList<>();
        while (set.next()) {
            keys.add(set.key());
        }
        assertThat(set.damaged()).isFalse();
        assertThat(set.used()).isEqualTo(keys.size());
        return keys;
    }

    private String text(long address) {
        if (address == 0) {
            return "-";
        }
        return hex(
                reader.find(address, unicode)
                        ? unicode.text(LONGEST).getBytes(StandardCharsets.UTF_8)
                        : reader.find(address, bytes)
                                ? bytes.value(LONGEST)
                                : "no text".getBytes(StandardCharsets.UTF_8));
    }

    private static String hex(byte[] data) {
        return data.length == 0 ? "-" : HexFormat.of().formatHex(data);
    }
}
