// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.owned;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.BufferLayout;
import dev.heapwalk.python.layout.DequeLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Lists of nodes and of blocks that go round in a circle, of objects that claim to have as many as there can be. */
class DamagedBuffersTest {
    private static final long HUGE = Long.MAX_VALUE;

    @TempDir
    Path folder;

    /** The largest object of a type, and what it owns. */
    private record Found(long address, long type, Map<BufferKind, Integer> owned) {}

    @Test
    @Timeout(120)
    void circlesEnd() throws Exception {
        Python python = Python.trixie();
        Path core;
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("kinds");
            process.ask("owners");
            core = Cores.gcore(process, folder);
        }
        PythonLayout layout = PythonLayout.of(313, false);
        Found ordered;
        Found deque;
        long first;
        long last;
        try (Target target = Target.core(core, python.root())) {
            PythonRuntime runtime = PythonRuntime.locate(target);
            ordered = find(target, runtime, "collections.OrderedDict", BufferKind.ORDER_NODE);
            deque = find(target, runtime, "collections.deque", BufferKind.DEQUE_BLOCK);
            try (ObjectReader reader = runtime.reader()) {
                first = reader.memory().readLong(ordered.address + BufferLayout.ORDER_FIRST);
                last = reader.memory()
                        .readLong(reader.memory().readLong(first + BufferLayout.ORDER_NEXT) + BufferLayout.ORDER_NEXT);
            }
        }
        int nodes = ordered.owned.get(BufferKind.ORDER_NODE);
        int blocks = deque.owned.get(BufferKind.DEQUE_BLOCK);
        assertThat(nodes).isGreaterThan(3);
        assertThat(blocks).isGreaterThan(2);
        DequeLayout fields = layout.deque();
        try (CoreEditor editor = new CoreEditor(core)) {
            editor.set(ordered.address + layout.dict().used(), HUGE);
            editor.set(last + BufferLayout.ORDER_NEXT, first);
            editor.set(deque.address + fields.length(), HUGE);
            // The second one leads back to the first one.
            long left = editor.word(deque.address + fields.left());
            editor.set(editor.word(left + fields.rightLink()) + fields.rightLink(), left);
        }
        try (Target target = Target.core(core, python.root())) {
            PythonRuntime runtime = PythonRuntime.locate(target);
            // What comes before the circle is noticed may come a few times.
            assertThat(owned(runtime, ordered).get(BufferKind.ORDER_NODE)).isBetween(3, nodes + 12);
            assertThat(owned(runtime, deque).get(BufferKind.DEQUE_BLOCK)).isBetween(2, blocks + 8);
        }
    }

    private static Found find(Target target, PythonRuntime runtime, String type, BufferKind kind) {
        Found best = new Found(0, 0, Map.of());
        try (ObjectReader reader = runtime.reader();
                ObjectCursor object = runtime.objects(Heaps.of(target))) {
            while (object.next()) {
                if (reader.typeNames().of(object.type()).toString().equals(type)) {
                    Found some = new Found(object.address(), object.type(), Map.of());
                    some = new Found(some.address, some.type, owned(runtime, some));
                    if (some.owned.getOrDefault(kind, 0) > best.owned.getOrDefault(kind, 0)) {
                        best = some;
                    }
                }
            }
        }
        return best;
    }

    private static Map<BufferKind, Integer> owned(PythonRuntime runtime, Found object) {
        Map<BufferKind, Integer> owned = new EnumMap<>(BufferKind.class);
        try (ObjectReader reader = runtime.reader()) {
            new OwnedBuffers(runtime, reader)
                    .buffers(object.address, object.type, (_, _, kind) -> owned.merge(kind, 1, Integer::sum));
        }
        return owned;
    }
}
