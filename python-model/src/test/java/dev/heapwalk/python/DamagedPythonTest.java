// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.heap.Damage;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.python.layout.GcLayout;
import dev.heapwalk.python.layout.InterpreterLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.OffsetTable;
import dev.heapwalk.python.layout.PymallocLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.TypeLayout;
import dev.heapwalk.python.object.PyDict;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Words of a core that are changed: nothing loops, nothing is believed, and what is wrong is told. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DamagedPythonTest {
    private static final long HALF = 0xFFFFFFFFL;

    @TempDir
    static Path folder;

    private final Python python = Python.trixie();
    private Path core;
    private PythonProcess process;

    // What the core tells when nothing is changed.
    private PythonRuntime sound;
    private PythonLayout layout;
    private PymallocTotals totals;
    private long pool;
    private int poolBlocks;
    private int poolUsed;
    /** A pool that has room for more blocks than were ever handed out. */
    private long growing;

    private int growingUsed;
    /** Pools that hold no block. */
    private final List<Long> idle = new ArrayList<>();

    private interface Look {
        void at(PythonRuntime runtime);
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

        long word(long address) {
            return editor.word(address);
        }

        void set(long address, long value) {
            before.putIfAbsent(address, editor.word(address));
            editor.set(address, value);
        }

        void setInt(long address, int value) {
            set(address, word(address) & ~HALF | value & HALF);
        }

        @Override
        public void close() {
            before.forEach(editor::set);
            editor.close();
        }
    }

    @BeforeAll
    void makeCore() throws Exception {
        process = PythonProcess.of(python).start();
        process.ask("fill 5000");
        process.ask("free");
        // Of what is gone at once, free pools are left.
        process.ask("evaluate len([str(i) for i in range(10 ** 4, 10 ** 5)])");
        core = Cores.gcore(process, folder);
        try (Target target = Target.core(core, python.root())) {
            sound = PythonRuntime.locate(target);
            layout = PythonLayout.of(sound.series(), sound.freeThreaded());
            Pymalloc allocator = sound.pymallocs().getFirst();
            totals = PymallocTotals.of(allocator);
            assertThat(totals.damages()).isEmpty();
            findPool(allocator);
            findOthers(allocator);
        }
    }

    private void findOthers(Pymalloc allocator) {
        try (PymallocCursor part = allocator.parts()) {
            int used = 0;
            while (part.next()) {
                switch (part.part()) {
                    case POOL_HEADER -> used = 0;
                    case USED_BLOCK -> used++;
                    case UNTOUCHED_BLOCK -> {
                        growing = part.pool();
                        growingUsed = used;
                    }
                    case FREE_POOL -> idle.add(part.address());
                    default -> {}
                }
            }
            assertThat(growing).isNotZero();
            assertThat(idle).hasSizeGreaterThan(1);
        }
    }

    /** One with used blocks and several free ones. */
    private void findPool(Pymalloc allocator) {
        try (PymallocCursor part = allocator.parts()) {
            int free = 0;
            while (part.next()) {
                if (part.part() == PymallocPart.POOL_HEADER) {
                    if (free > 5 && poolUsed > 5) {
                        return;
                    }
                    pool = part.pool();
                    poolBlocks = 0;
                    poolUsed = 0;
                    free = 0;
                } else if (part.pool() != 0 && part.part() != PymallocPart.POOL_REST) {
                    poolBlocks++;
                    free += part.part() == PymallocPart.FREE_BLOCK ? 1 : 0;
                    poolUsed += part.part() == PymallocPart.USED_BLOCK ? 1 : 0;
                }
            }
        }
        throw new IllegalStateException("no pool has free blocks");
    }

    @AfterAll
    void end() {
        process.close();
    }

    private void with(Change change, Look look) throws Exception {
        try (Words words = new Words()) {
            change.in(words);
            try (Target target = Target.core(core, python.root())) {
                look.at(PythonRuntime.locate(target));
            }
        }
    }

    /** The pool is told as a whole, and all else as before. */
    private void damagesPool(Change change, String why) throws Exception {
        with(change, runtime -> {
            PymallocTotals now = PymallocTotals.of(runtime.pymallocs().getFirst());
            assertThat(now.damages()).hasSize(1);
            Damage damage = now.damages().getFirst();
            assertThat(damage.address()).isEqualTo(pool);
            assertThat(damage.reason()).contains("0x" + Long.toHexString(pool)).contains(why);
            assertThat(now.bytes(PymallocPart.DAMAGED_POOL))
                    .isEqualTo(runtime.pymallocs().getFirst().poolSize());
            assertThat(now.used()).isEqualTo(totals.used() - poolUsed);
        });
    }

    @Test
    void theInterpreterIsFoundWithOneOfItsDictionaries() throws Exception {
        PythonInterpreter interpreter = sound.interpreters().getFirst();
        for (long dictionary : new long[] {interpreter.sysdict(), interpreter.builtins()}) {
            for (long wrong : new long[] {0, 8, -1, Long.MAX_VALUE, dictionary}) {
                with(
                        words -> words.set(dictionary + layout.dict().keys(), wrong),
                        runtime -> assertThat(runtime.interpreters())
                                .extracting(PythonInterpreter::address)
                                .containsExactly(interpreter.address()));
            }
        }
    }

    @Test
    void tellsAPoolOfNoSize() throws Exception {
        for (int szidx : new int[] {32, 0xFFFF, -1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
            damagesPool(words -> words.setInt(pool + PymallocLayout.POOL_SIZE_INDEX, szidx), "has size class " + szidx);
        }
    }

    @Test
    void tellsAPoolWhoseBlocksEndElsewhere() throws Exception {
        for (int offset : new int[] {0, 47, 49, -1, Integer.MIN_VALUE, Integer.MAX_VALUE, 1 << 14}) {
            damagesPool(
                    words -> words.setInt(pool + PymallocLayout.POOL_NEXT_OFFSET, offset), "but nextoffset " + offset);
        }
        damagesPool(words -> words.setInt(pool + PymallocLayout.POOL_MAX_NEXT_OFFSET, 7), "maxnextoffset 7");
    }

    @Test
    void tellsAListOfFreeBlocksThatLeadsAstray() throws Exception {
        long first = pool + PymallocLayout.POOL_FREE_BLOCK;
        String astray = "leads astray";
        for (long free : new long[] {1, -1, pool, pool + 16, pool + 49, pool + (1 << 14), Long.MIN_VALUE}) {
            damagesPool(words -> words.set(first, free), astray);
        }
        // In a circle.
        damagesPool(words -> words.set(words.word(first), words.word(first)), astray);
        damagesPool(words -> words.set(words.word(words.word(first)), words.word(first)), astray);
    }

    @Test
    void tellsAPoolThatCountsOtherwise() throws Exception {
        with(words -> words.setInt(pool + PymallocLayout.POOL_COUNT, poolBlocks + 1), runtime -> {
            PymallocTotals now = PymallocTotals.of(runtime.pymallocs().getFirst());
            assertThat(now.damages()).hasSize(1);
            assertThat(now.damages().getFirst().reason()).contains("counts " + (poolBlocks + 1) + " blocks in use");
            assertThat(now.used()).isEqualTo(totals.used());
        });
    }

    /** What a pool looks like while a block is taken or given back, as one store after the other is done. */
    @Test
    void tellsAPoolThatIsBeingChangedForWhatItIs() throws Exception {
        for (int more : new int[] {1, -1}) {
            isInFlux(words -> words.setInt(pool + PymallocLayout.POOL_COUNT, poolUsed + more), 0);
        }
        // Its last free block was taken, so one more is put on the list: all that were ever handed out are in use.
        int offset;
        try (Words words = new Words()) {
            offset = (int) words.word(growing + PymallocLayout.POOL_NEXT_OFFSET);
        }
        int bytes = blockSize(growing);
        int ever = (offset - PymallocLayout.POOL_BYTES) / bytes;
        long block = growing + offset;
        long list = growing + PymallocLayout.POOL_FREE_BLOCK;
        Change taken = words -> words.setInt(growing + PymallocLayout.POOL_COUNT, ever);
        Change linked = words -> words.set(list, block);
        Change moved = words -> words.setInt(growing + PymallocLayout.POOL_NEXT_OFFSET, offset + bytes);
        for (long before : new long[] {1, -1, block, growing, growing + PymallocLayout.POOL_BYTES, pool}) {
            Change stale = words -> words.set(block, before);
            isInFlux(all(taken, linked, stale), ever - growingUsed);
            isInFlux(all(taken, linked, moved, stale), ever - growingUsed);
        }
        isInFlux(all(taken, moved, words -> words.set(list, 0)), ever + 1 - growingUsed);
    }

    private int blockSize(long some) throws IOException {
        try (Words words = new Words()) {
            int szidx = (int) (words.word(some + PymallocLayout.POOL_ARENA_INDEX) >>> Integer.SIZE);
            return sound.pymallocs().getFirst().blockSize(szidx);
        }
    }

    private static Change all(Change... some) {
        return words -> List.of(some).forEach(change -> change.in(words));
    }

    /** It is not damaged, and so many more blocks are in use. */
    private void isInFlux(Change change, int more) throws Exception {
        with(change, runtime -> {
            PymallocTotals now = PymallocTotals.of(runtime.pymallocs().getFirst());
            assertThat(now.damages()).isEmpty();
            assertThat(now.used()).isEqualTo(totals.used() + more);
            try (PymallocCursor part = runtime.parts()) {
                while (part.next()) {
                    assertThat(part.inFlux()).isBetween(0, 1);
                }
                assertThat(part.inFlux()).isEqualTo(1);
            }
        });
    }

    /** What a list of the collector looks like while an object is put into it, as one store after the other is done. */
    @Test
    void readsAListThatAnObjectIsBeingPutInto() throws Exception {
        int head = layout.object().gcHead();
        long[] list = new long[1];
        long[] loose = new long[1];
        Map<GcState, Integer> before = new EnumMap<>(GcState.class);
        with(_ -> {}, runtime -> {
            try (ObjectCursor object = runtime.objects(Heaps.of(runtime.target()));
                    ObjectReader reader = runtime.reader()) {
                while (object.next()) {
                    before.merge(object.gcState(), 1, Integer::sum);
                    if (object.gcState() == GcState.GENERATION_2) {
                        list[0] = object.address() - head;
                    } else if (object.gcState() == GcState.UNTRACKED && object.refcnt() == 1) {
                        loose[0] = object.address() - head;
                    }
                }
                // The head of the list is what is no object.
                while (reader.typeAt(list[0] + head) != 0) {
                    list[0] = reader.memory().readLong(list[0] + GcLayout.NEXT, 0);
                }
            }
        });
        long last;
        try (Words words = new Words()) {
            last = words.word(list[0] + GcLayout.PREV);
        }
        List<Change> stores = List.of(
                words -> words.set(last + GcLayout.NEXT, loose[0]),
                words -> words.set(loose[0] + GcLayout.PREV, last),
                words -> words.set(loose[0] + GcLayout.NEXT, list[0]),
                words -> words.set(list[0] + GcLayout.PREV, loose[0]));
        for (int done = 1; done <= stores.size(); done++) {
            Change some = all(stores.subList(0, done).toArray(Change[]::new));
            boolean linked = done == stores.size();
            with(some, runtime -> {
                Map<GcState, Integer> now = new EnumMap<>(GcState.class);
                try (ObjectCursor object = runtime.objects(Heaps.of(runtime.target()))) {
                    while (object.next()) {
                        now.merge(object.gcState(), 1, Integer::sum);
                    }
                    assertThat(object.damages()).isEmpty();
                }
                int more = linked || now.get(GcState.GENERATION_2) > before.get(GcState.GENERATION_2) ? 1 : 0;
                assertThat(now.get(GcState.GENERATION_2)).isEqualTo(before.get(GcState.GENERATION_2) + more);
                assertThat(now.get(GcState.GENERATION_0)).isEqualTo(before.get(GcState.GENERATION_0));
            });
        }
    }

    /** Whichever of the stores that make a free pool ready for other blocks are done, in whatever order. */
    @Test
    void tellsAPoolThatIsBeingSetUpAsAFreeOne() throws Exception {
        long some = idle.getFirst();
        int size = sound.pymallocs().getFirst().poolSize();
        int szidx = blockSize(some) == 64 ? 4 : 3;
        int bytes = sound.pymallocs().getFirst().blockSize(szidx);
        long second = some + PymallocLayout.POOL_BYTES + bytes;
        List<Change> stores = List.of(
                words -> words.setInt(some + PymallocLayout.POOL_SIZE_INDEX, szidx),
                words -> words.setInt(some + PymallocLayout.POOL_NEXT_OFFSET, PymallocLayout.POOL_BYTES + 2 * bytes),
                words -> words.setInt(some + PymallocLayout.POOL_MAX_NEXT_OFFSET, size - bytes),
                words -> words.set(some + PymallocLayout.POOL_FREE_BLOCK, second),
                words -> words.set(second, 0));
        Change begun = words -> {
            words.setInt(some + PymallocLayout.POOL_COUNT, 1);
            words.set(some + PymallocLayout.POOL_NEXT, sound.typeType());
            words.set(some + PymallocLayout.POOL_PREVIOUS, sound.typeType());
        };
        Change stale = words -> words.set(second, some + PymallocLayout.POOL_BYTES + 1);
        Change first = words -> {
            words.set(some + PymallocLayout.POOL_FREE_BLOCK, 0);
            words.setInt(some + PymallocLayout.POOL_SIZE_INDEX, PymallocLayout.NO_SIZE_INDEX);
            words.set(some + PymallocLayout.POOL_NEXT_OFFSET, 0);
            words.set(second, 0);
        };
        for (Change before : List.of(stale, first)) {
            for (int done = 0; done < 1 << stores.size(); done++) {
                int chosen = done;
                with(
                        words -> {
                            begun.in(words);
                            before.in(words);
                            for (int i = 0; i < stores.size(); i++) {
                                if ((chosen >> i & 1) != 0) {
                                    stores.get(i).in(words);
                                }
                            }
                        },
                        runtime -> {
                            PymallocTotals now =
                                    PymallocTotals.of(runtime.pymallocs().getFirst());
                            assertThat(now.damages()).isEmpty();
                            assertThat(now.used() - totals.used()).isBetween(0L, chosen == 31 ? 1L : 2L);
                        });
            }
        }
        // One thread is in the allocator at most.
        with(all(begun, first, words -> words.setInt(pool + PymallocLayout.POOL_COUNT, poolUsed + 1)), runtime -> {
            PymallocTotals now = PymallocTotals.of(runtime.pymallocs().getFirst());
            assertThat(now.damages()).hasSize(1);
        });
    }

    @Test
    void goesThroughNoListTwice() throws Exception {
        PythonInterpreter main = sound.interpreters().getFirst();
        InterpreterLayout fields = layout.interpreter();
        for (long next : new long[] {main.address(), 8, -8, Long.MAX_VALUE, pool}) {
            with(
                    words -> words.set(main.address() + fields.next(), next),
                    runtime -> assertThat(runtime.interpreters()).isEqualTo(sound.interpreters()));
        }
        List<PythonThread> threads = main.threads();
        for (PythonThread thread : threads) {
            with(
                    words -> words.set(
                            threads.getLast().address() + layout.thread().next(), thread.address()),
                    runtime -> assertThat(runtime.interpreters()).isEqualTo(sound.interpreters()));
        }
    }

    @Test
    void believesNoCount() throws Exception {
        List<Long> keys = new ArrayList<>();
        PythonInterpreter main = sound.interpreters().getFirst();
        try (Target target = Target.core(core, python.root());
                ObjectReader reader = PythonRuntime.locate(target).reader()) {
            PyDict dict = new PyDict(reader);
            for (long dictionary : new long[] {main.sysdict(), main.builtins()}) {
                assertThat(reader.find(dictionary, dict)).isTrue();
                keys.add(dict.keys());
            }
        }
        for (long count : new long[] {-1, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 40}) {
            oneIsEnough(keys, layout.dict().count(), count);
        }
        // The sizes of both tables.
        oneIsEnough(keys, layout.dict().log2Size(), -1);
    }

    /** The interpreter is found as long as one of its dictionaries is whole. */
    private void oneIsEnough(List<Long> keys, int field, long wrong) throws Exception {
        for (long one : keys) {
            with(
                    words -> words.set(one + field, wrong),
                    runtime -> assertThat(runtime.interpreters()).isEqualTo(sound.interpreters()));
        }
        refuses(words -> keys.forEach(each -> words.set(each + field, wrong)), "but no interpreter was found");
    }

    private void refuses(Change change, String why) {
        assertThatThrownBy(() -> with(change, runtime -> {}))
                .isInstanceOf(UnsupportedTargetException.class)
                .hasMessageContaining(why)
                .hasMessageNotContaining("\n");
    }

    /** How many objects there are, and what is damaged. */
    private record Objects(long count, long lists, List<String> damages) {
        static Objects of(PythonRuntime runtime) {
            try (ObjectCursor object = runtime.objects(Heaps.of(runtime.target()))) {
                long count = 0;
                long lists = 0;
                while (object.next()) {
                    count++;
                    lists += object.gcState() == GcState.ELSEWHERE ? 1 : 0;
                }
                return new Objects(
                        count,
                        lists,
                        object.damages().stream().map(Damage::reason).toList());
            }
        }
    }

    @Test
    void leavesAListOfTheCollectorThatLeadsAstray() throws Exception {
        Objects before = soundObjects();
        assertThat(before.damages).isEmpty();
        assertThat(before.lists).isZero();
        long head = sound.interpreters().getFirst().sysdict() - layout.object().gcHead();
        for (long next : new long[] {8, -8, head, head + 16, pool, Long.MAX_VALUE - 7, Long.MIN_VALUE}) {
            with(words -> words.set(head + GcLayout.NEXT, next), runtime -> {
                Objects now = Objects.of(runtime);
                assertThat(now.damages).singleElement().asString().contains("leads astray");
                // Those behind it are known by their neighbours, but for the two that are no neighbours any more.
                assertThat(now.count).isBetween(before.count - 2, before.count);
                assertThat(now.lists).isPositive();
            });
        }
    }

    private Objects soundObjects() throws Exception {
        Objects[] objects = new Objects[1];
        with(words -> {}, runtime -> objects[0] = Objects.of(runtime));
        return objects[0];
    }

    @Test
    void believesNoSizeOfATypeOrAnObject() throws Exception {
        Objects before = soundObjects();
        long dicts = sound.interpreters().getFirst().sysdict();
        long dictType;
        long listType;
        long base;
        try (Target target = Target.core(core, python.root());
                ObjectReader reader = PythonRuntime.locate(target).reader()) {
            dictType = reader.typeAt(dicts);
            PyDict dict = new PyDict(reader);
            assertThat(reader.find(dicts, dict)).isTrue();
            listType = reader.typeAt(dict.get("path"));
            base = reader.memory().readLong(dictType + TypeLayout.BASE);
        }
        assertThat(base).isNotZero();
        for (long size : new long[] {-1, 0, 1 << 20, Long.MAX_VALUE, Long.MIN_VALUE}) {
            with(
                    words -> words.set(dictType + TypeLayout.BASICSIZE, size),
                    runtime -> assertThat(Objects.of(runtime).count).isLessThan(before.count));
        }
        for (long size : new long[] {Long.MAX_VALUE, 1L << 62, Long.MIN_VALUE, 1 << 30}) {
            with(
                    words -> words.set(dictType + TypeLayout.ITEMSIZE, size),
                    runtime -> assertThat(Objects.of(runtime).count).isLessThanOrEqualTo(before.count));
        }
        // In a circle.
        with(
                words -> words.set(dictType + TypeLayout.BASE, dictType),
                runtime -> assertThat(Objects.of(runtime).count).isLessThanOrEqualTo(before.count));
        with(
                words -> words.set(listType + ObjectLayout.TYPE, listType),
                runtime -> assertThat(Objects.of(runtime).count).isLessThan(before.count));
    }

    @Test
    void refusesATableOfABuildWithoutTheLock() {
        refuses(words -> words.set(sound.address() + OffsetTable.FREE_THREADED, 1), "but no interpreter was found");
    }

    @Test
    void refusesATableOfOtherOffsets() {
        OffsetTable table = layout.runtime().table();
        for (int field : new int[] {table.head(), table.sysdict(), table.threadInterp(), table.nativeThreadId()}) {
            for (long offset : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 32}) {
                refuses(words -> words.set(sound.address() + field, offset), "but no interpreter was found");
            }
        }
        refuses(words -> words.set(sound.address() + OffsetTable.VERSION, 0x030e00f0L), "no interpreter was found");
    }

    /** As before the interpreter has made its types ready. */
    @Test
    void tellsAPythonWithoutTypes() {
        refuses(
                words -> words.set(sound.typeType() + ObjectLayout.TYPE, 0),
                "has Python in /usr/bin/python" + python.version()
                        + ", but the types of no version that is known were found: it may still be starting");
    }

    @Test
    void refusesTypesOfAnUnknownSize() {
        refuses(
                words -> words.set(sound.typeType() + TypeLayout.BASICSIZE, 1000),
                "runs a Python whose types have 1000 bytes, as those of no version that is known: supported are 2.7 and"
                        + " 3.6 to 3.15");
    }
}
