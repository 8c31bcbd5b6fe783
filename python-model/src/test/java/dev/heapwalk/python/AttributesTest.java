// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.python.object.PyDeque;
import dev.heapwalk.python.object.PyInstance;
import dev.heapwalk.python.object.PyMemoryView;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The attributes of instances, the elements of queues, and views of memory, and what Python tells of them. */
class AttributesTest {
    private static final String INSTANCES = "[o for o in MORE[-1]['MADE'] if type(o).__module__ == 'library']";
    private static final String QUEUES = "[o for o in MORE[-1]['MADE'] if isinstance(o, collections.deque)]";
    private static final String VIEWS = "[o for o in MORE[-1]['MADE'] if isinstance(o, memoryview)]";
    private static final String ATTRIBUTES =
            "[(n, v) for n, v in getattr(o, '__dict__', {}).items() if isinstance(n, str)]"
                    + " + [(s, getattr(o, s)) for k in type(o).__mro__ for s in k.__dict__.get('__slots__', ())"
                    + " if s[:2] != '__' and hasattr(o, s)]";

    private static List<Long> ids(PythonProcess process, String of) throws Exception {
        return Stream.of(process.ask("evaluate ' '.join(str(id(o)) for o in " + of + ")")
                        .getFirst()
                        .split(" "))
                .map(Long::parseLong)
                .toList();
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void areThoseThatPythonTells(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("library");
            List<Long> instances = ids(process, INSTANCES);
            List<Long> queues = ids(process, QUEUES);
            List<Long> views = ids(process, VIEWS);
            List<String> attributes = new ArrayList<>();
            List<String> elements = new ArrayList<>();
            List<Long> seen = new ArrayList<>();
            try (Target target = Target.attach(process.pid());
                    ObjectReader reader = PythonRuntime.locate(target).reader()) {
                PyInstance instance = new PyInstance(reader);
                for (long id : instances) {
                    assertThat(reader.find(id, instance)).isTrue();
                    attributes.add(attributes(id, instance));
                }
                PyDeque queue = new PyDeque(reader);
                for (long id : queues) {
                    assertThat(reader.find(id, queue)).isTrue();
                    elements.add(elements(id, queue));
                }
                PyMemoryView view = new PyMemoryView(reader);
                for (long id : views) {
                    assertThat(reader.find(id, view)).isTrue();
                    assertThat(view.data()).isPositive();
                    seen.add(view.size());
                }
                assertThat(reader.find(queues.getFirst(), view)).isFalse();
            }
            // To ask for it may make a dictionary, so it comes last.
            assertThat(process.ask(
                            "evaluate '\\n'.join(' '.join([str(id(o))] + sorted('%s=%d' % (n, id(v)) for n, v in "
                                    + ATTRIBUTES + ")) for o in " + INSTANCES + ")"))
                    .isEqualTo(attributes)
                    .hasSizeGreaterThan(100);
            assertThat(process.ask("evaluate '\\n'.join(' '.join([str(id(o))] + [str(id(e)) for e in o]) for o in "
                            + QUEUES + ")"))
                    .isEqualTo(elements)
                    .hasSizeGreaterThan(2);
            assertThat(process.ask("evaluate '\\n'.join(str(len(o) * o.itemsize) for o in " + VIEWS + ")"))
                    .isEqualTo(seen.stream().map(size -> Long.toString(size)).toList());
        }
    }

    private static String attributes(long id, PyInstance instance) {
        List<String> found = new ArrayList<>();
        while (instance.next()) {
            if (!instance.nameText().isEmpty()) {
                found.add(instance.nameText() + "=" + instance.value());
            }
        }
        Collections.sort(found);
        found.addFirst(Long.toString(id));
        return String.join(" ", found);
    }

    private static String elements(long id, PyDeque queue) {
        StringBuilder text = new StringBuilder(Long.toString(id));
        while (queue.next()) {
            text.append(' ').append(queue.value());
        }
        assertThat(queue.damaged()).isFalse();
        return text.toString();
    }
}
