// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static dev.heapwalk.python.PythonRuntimeTest.numbers;
import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.python.object.PyBytes;
import dev.heapwalk.python.object.PyDict;
import dev.heapwalk.python.object.PyLong;
import dev.heapwalk.python.object.PyObject;
import dev.heapwalk.python.object.PyTypeObject;
import dev.heapwalk.python.object.PyUnicode;
import dev.heapwalk.python.object.TypeName;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the views tell, and what Python tells of the same objects. */
class ObjectsTest {
    private static final int LONGEST = 1 << 16;

    private interface Check {
        void check(ObjectReader reader);
    }

    private static void read(PythonProcess process, Check check) {
        try (Target target = Target.attach(process.pid());
                ObjectReader reader = PythonRuntime.locate(target).reader()) {
            check.check(reader);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void readsAllTypes(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            List<String> types = process.ask("types");
            assertThat(types).hasSizeGreaterThan(150);
            read(process, reader -> {
                PyTypeObject type = new PyTypeObject(reader);
                for (String line : types) {
                    String[] said = line.split(" ");
                    long address = Long.parseLong(said[0]);
                    assertThat(reader.find(address, type)).as(line).isTrue();
                    assertThat(numbers(List.of(String.join(" ", List.of(said).subList(3, said.length))))
                                    .getFirst())
                            .as(line)
                            .containsExactly(
                                    type.flags(),
                                    type.basicsize(),
                                    type.itemsize(),
                                    type.base(),
                                    type.dictoffset(),
                                    type.weaklistoffset());
                    TypeName name = reader.typeNames().of(address);
                    assertThat(name.qualname().replace(' ', '_')).as(line).isEqualTo(said[2]);
                    // A property, or what is no text, in place of a name.
                    if (!said[1].equals("-")) {
                        assertThat(name.module()).as(line).isEqualTo(said[1]);
                    }
                }
            });
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void readsTextsBytesAndNumbers(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            List<String> values = process.ask("values");
            assertThat(values).hasSizeGreaterThan(25);
            read(process, reader -> {
                PyUnicode text = new PyUnicode(reader);
                PyBytes bytes = new PyBytes(reader);
                PyLong number = new PyLong(reader);
                for (String line : values) {
                    String[] said = line.split(" ", -1);
                    long address = Long.parseLong(said[0]);
                    switch (said[1]) {
                        case "text" -> {
                            assertThat(reader.find(address, text)).as(line).isTrue();
                            assertThat(text.text(LONGEST))
                                    .as(line)
                                    .isEqualTo(new String(HexFormat.of().parseHex(said[2]), StandardCharsets.UTF_8));
                            assertThat(reader.find(address, number)).as(line).isFalse();
                        }
                        case "bytes" -> {
                            assertThat(reader.find(address, bytes)).as(line).isTrue();
                            assertThat(HexFormat.of().formatHex(bytes.value(LONGEST)))
                                    .as(line)
                                    .isEqualTo(said[2]);
                        }
                        default -> {
                            assertThat(reader.find(address, number)).as(line).isTrue();
                            assertThat(number.value(LONGEST)).as(line).hasValue(new BigInteger(said[2]));
                            assertThat(reader.find(address, text)).as(line).isFalse();
                        }
                    }
                }
            });
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void readsDictionaries(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            List<String> dicts = process.ask("dicts");
            assertThat(dicts).hasSizeGreaterThan(10);
            read(process, reader -> {
                PyDict dict = new PyDict(reader);
                for (String line : dicts) {
                    List<String> said = List.of(line.split(" "));
                    assertThat(reader.find(Long.parseLong(said.getFirst()), dict))
                            .as(line)
                            .isTrue();
                    List<String> entries = new ArrayList<>();
                    while (dict.next()) {
                        entries.add(dict.key() + ":" + dict.value());
                    }
                    assertThat(entries).as(line).containsExactlyInAnyOrderElementsOf(said.subList(1, said.size()));
                    assertThat(dict.used()).as(line).isEqualTo(entries.size());
                    assertThat(dict.damaged()).as(line).isFalse();
                }
            });
        }
    }

    /** A call of {@code getrefcount} has a reference or two more itself. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void readsTypeAndReferences(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("objects");
            List<long[]> objects = numbers(process.ask("objects"));
            assertThat(objects).hasSizeGreaterThan(10);
            read(process, reader -> {
                PyObject object = new PyObject(reader);
                long own = -1;
                for (long[] said : objects) {
                    assertThat(reader.find(said[0], object)).isTrue();
                    assertThat(object.type()).isEqualTo(said[1]);
                    if (!object.immortal() && said[2] < 100) {
                        own = own < 0 ? said[2] - object.refcnt() : own;
                        assertThat(said[2] - object.refcnt()).isEqualTo(own).isBetween(0L, 2L);
                    }
                }
                assertThat(own).isNotNegative();
            });
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void tellsWhereNoObjectIs(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            List<long[]> objects = numbers(process.ask("objects"));
            read(process, reader -> {
                PyObject object = new PyObject(reader);
                for (long nowhere : new long[] {0, 8, -8, Long.MIN_VALUE, Long.MAX_VALUE - 7, 1L << 47}) {
                    assertThat(reader.find(nowhere, object)).isFalse();
                    assertThat(reader.typeNames().of(nowhere).toString())
                            .isEqualTo("type@0x" + Long.toHexString(nowhere));
                }
                for (long[] said : objects) {
                    assertThat(reader.find(said[0] + 1, object)).isFalse();
                }
            });
        }
    }
}
