// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.heapwalk.heap.Block;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.HeapLayer;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.LayerCursor;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The allocator as a heap beside that of malloc, and what Python itself counts. */
class PythonHeapTest {
    /** Has arenas in blocks of malloc. */
    private static final String ARENAS_OF_MALLOC = """
            #include <stdlib.h>
            struct allocator {
                void *context;
                void *(*allocate)(void *, size_t);
                void (*release)(void *, void *, size_t);
            };
            extern void PyObject_SetArenaAllocator(struct allocator *) __attribute__((weak));
            static void *allocate(void *context, size_t size) {
                (void) context;
                return malloc(size);
            }
            static void release(void *context, void *arena, size_t size) {
                (void) context;
                (void) size;
                free(arena);
            }
            __attribute__((constructor)) static void install(void) {
                struct allocator own = {NULL, allocate, release};
                if (PyObject_SetArenaAllocator) {
                    PyObject_SetArenaAllocator(&own);
                }
            }
            """;

    /** All but 2.7, which has no statistics. */
    static Stream<Python> pythons() {
        return Python.withPymalloc().stream().filter(python -> python.isAtLeast(3, 6));
    }

    /** What a walk over all heaps has told. */
    private static final class Sums {
        private long used;
        private long free;
        private long arenas;
        private long chunks;
        private final Set<Long> mallocs = new HashSet<>();

        Sums(Target target) {
            Heaps heaps = Heaps.of(target);
            PythonHeap python = heaps.find(PythonHeap.class).orElseThrow();
            assertThat(python.notices()).isEmpty();
            try (LayerCursor block = heaps.blocks()) {
                while (block.next()) {
                    if (block.heap() == python) {
                        arenas += block.size();
                        used += block.name().equals("USED") ? block.size() : 0;
                        free += block.name().equals("FREE") || block.name().equals("UNTOUCHED") ? block.size() : 0;
                    } else if (block.state() == BlockState.USED) {
                        assertThat(block.heap().layer()).isEqualTo(HeapLayer.ALLOCATOR);
                        mallocs.add(block.address());
                    }
                }
                assertThat(block.damage()).isEmpty();
            }
            try (BlockCursor block = heaps.allocators().blocks()) {
                while (block.next()) {
                    if (block.state() == BlockState.USED && !mallocs.contains(block.address())) {
                        assertThat(block.usableSize())
                                .isBetween(
                                        (long) python.runtime().arenaSize(),
                                        python.runtime().arenaSize() + 4096L);
                        chunks++;
                    }
                }
            }
            assertThat(arenas)
                    .isEqualTo((long) python.runtime().arenas().size()
                            * python.runtime().arenaSize());
        }
    }

    private static void assertSays(Sums seen, List<String> said) {
        assertThat(seen.used).isEqualTo(number(said, "# bytes in allocated blocks "));
        assertThat(seen.free).isEqualTo(number(said, "# bytes in available blocks "));
        String arenas = said.stream()
                .filter(line -> line.matches("[0-9]+ arenas \\* [0-9]+ bytes/arena .*"))
                .findFirst()
                .orElseThrow();
        assertThat(seen.arenas).isEqualTo(number(List.of(arenas), arenas));
    }

    private static long number(List<String> said, String name) {
        List<String> lines = said.stream().filter(line -> line.startsWith(name)).toList();
        assertThat(lines).as(name).hasSize(1);
        return Long.parseLong(lines.getFirst().replaceAll(".*[= ]", "").replace(",", ""));
    }

    private Sums seen;

    private void assertCounted(PythonProcess process, boolean inChunks) throws Exception {
        process.ask("fill 20000");
        process.ask("free");
        process.askStopped("stats", () -> {});
        List<String> said = process.askStopped("stats", () -> {
            try (Target target = Target.attach(process.pid())) {
                seen = new Sums(target);
            }
        });
        assertSays(seen, said);
        assertThat(seen.chunks).isEqualTo(inChunks ? number(said, "# arenas allocated current ") : 0);
        assertThat(seen.mallocs).hasSizeGreaterThan(100);
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void countsArenasInMappingsOfTheirOwn(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            assertCounted(process, false);
        }
    }

    /** In chunks of the heap, and in chunks that are mappings. */
    @ParameterizedTest
    @MethodSource("pythons")
    void countsArenasInBlocksOfMallocOnce(Python python) throws Exception {
        Path library = CProgram.portableSource("arenas.so", ARENAS_OF_MALLOC, "-shared", "-fPIC")
                .file();
        // What enters the other root loads it too, so it is to be found in both by one path.
        Path here = Files.createTempFile(Path.of("/tmp"), "heapwalk-arenas", ".so");
        Path there = python.root().resolve(here.toString().substring(1));
        try {
            Files.copy(library, here, StandardCopyOption.REPLACE_EXISTING);
            if (!Files.exists(there)) {
                Files.copy(here, there);
            }
            for (String threshold : List.of("131072", "8388608")) {
                try (PythonProcess process = PythonProcess.of(python)
                        .env("LD_PRELOAD", here.toString())
                        .env("MALLOC_MMAP_THRESHOLD_", threshold)
                        .start()) {
                    assertCounted(process, true);
                }
            }
        } finally {
            Files.deleteIfExists(here);
            Files.deleteIfExists(there);
        }
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void saysWhereObjectsAreInBlocksOfMalloc(Python version) throws Exception {
        try (PythonProcess process =
                PythonProcess.of(version).env("PYTHONMALLOC", "malloc").start()) {
            List<Long> ids = ids(process, 1000);
            try (Target target = Target.attach(process.pid())) {
                Heaps heaps = Heaps.of(target);
                PythonHeap python = heaps.find(PythonHeap.class).orElseThrow();
                assertThat(python.notices()).singleElement().asString().contains("in blocks of malloc");
                assertThat(python.runtime().debugHeads()).isFalse();
                try (BlockCursor block = python.blocks();
                        BlockLookup lookup = heaps.lookup()) {
                    assertThat(block.next()).isFalse();
                    for (long id : ids) {
                        assertThat(lookup.find(id)).isTrue();
                        assertThat(id - lookup.address()).isIn(16L, 32L);
                        assertThat(python.blockAt(id)).isEmpty();
                    }
                }
            }
        }
    }

    private static List<Long> ids(PythonProcess process, int count) throws IOException {
        process.ask("fill " + count);
        return process.ask("evaluate ' '.join(str(id(one)) for one in KEPT)").stream()
                .flatMap(line -> Stream.of(line.split(" ")))
                .map(Long::valueOf)
                .toList();
    }

    /** With heads for debugging, a block begins where Python has it from: a head of the collector before the object. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#withPymalloc")
    void findsBlocksByAddresses(Python python) throws Exception {
        for (String allocator : List.of("pymalloc", "pymalloc_debug")) {
            try (PythonProcess process =
                    PythonProcess.of(python).env("PYTHONMALLOC", allocator).start()) {
                List<Long> ids = ids(process, 2000);
                boolean debug = allocator.equals("pymalloc_debug") && python.isAtLeast(3, 6);
                try (Target target = Target.attach(process.pid());
                        BlockLookup lookup = Heaps.of(target).lookup()) {
                    PythonHeap heap = Heaps.of(target).find(PythonHeap.class).orElseThrow();
                    assertThat(heap.runtime().debugHeads()).isEqualTo(debug);
                    Set<Long> before = new HashSet<>();
                    for (long id : ids) {
                        assertThat(lookup.find(id)).isTrue();
                        assertThat(lookup.name()).isEqualTo("USED");
                        before.add(id - lookup.address());
                        assertThat(id).isLessThan(lookup.address() + lookup.usableSize());
                        assertThat(lookup.size() - lookup.usableSize())
                                .isEqualTo(debug ? python.isAtLeast(3, 8) ? 24 : 32 : 0);
                        assertThat(heap.blockAt(id)).contains(Block.of(lookup));
                    }
                    assertThat(before).hasSize(1).containsAnyOf(16L, 32L);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#withPymalloc")
    void eachAddressIsFoundInTheBlockThatAWalkTells(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("fill 3000");
            process.ask("free");
            try (Target target = Target.attach(process.pid())) {
                PythonHeap heap = Heaps.of(target).find(PythonHeap.class).orElseThrow();
                List<Block> all = blocks(heap.blocks());
                try (BlockLookup lookup = heap.lookup()) {
                    for (Block block : all) {
                        for (long inside : LongStream.of(0, block.size() / 2, block.size() - 1)
                                .toArray()) {
                            assertThat(lookup.find(block.address() + inside)).isTrue();
                            assertThat(Block.of(lookup)).isEqualTo(block);
                        }
                    }
                    for (long nowhere :
                            new long[] {0, -1, Long.MIN_VALUE, all.getFirst().address() - 1}) {
                        assertThat(lookup.find(nowhere)).isFalse();
                    }
                }
                BlockLookup closed = heap.lookup();
                closed.close();
                assertThatThrownBy(() -> closed.find(0)).isInstanceOf(IllegalStateException.class);
                List<Block> byArena = new ArrayList<>();
                for (int arena = 0; arena < heap.runtime().arenas().size(); arena++) {
                    byArena.addAll(blocks(heap.blocks(arena)));
                }
                assertThat(byArena).isEqualTo(all);
                assertThatThrownBy(() -> heap.blocks(heap.runtime().arenas().size()))
                        .isInstanceOf(IndexOutOfBoundsException.class);
            }
        }
    }

    private static List<Block> blocks(BlockCursor cursor) {
        List<Block> blocks = new ArrayList<>();
        try (cursor) {
            long walked = 0;
            while (cursor.next()) {
                blocks.add(Block.of(cursor));
                walked += cursor.size();
                assertThat(cursor.walkedBytes()).isEqualTo(walked);
            }
            assertThat(cursor.next()).isFalse();
            assertThat(walked).isEqualTo(cursor.totalBytes());
            assertThat(cursor.leftOutBytes()).isZero();
            cursor.rewind();
            assertThat(cursor.next()).isTrue();
            assertThat(Block.of(cursor)).isEqualTo(blocks.getFirst());
        }
        return blocks;
    }

    @Test
    void followsAProcessThatRunsOn() throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (PythonProcess process = PythonProcess.of(Python.trixie()).start();
                Target target = Target.observe(process.pid())) {
            Heaps heaps = Heaps.of(target);
            try (LayerCursor block = heaps.blocks()) {
                long before = used(block);
                process.ask("fill 50000");
                Heaps now = heaps.refresh();
                block.rewind(now);
                // Each has at least a head and a name.
                assertThat(used(block) - before).isGreaterThan(100_000);
                PythonHeap heap = now.find(PythonHeap.class).orElseThrow();
                try (BlockCursor own = heap.blocks()) {
                    used(own);
                    own.rewind();
                    long allocated = threads.getCurrentThreadAllocatedBytes();
                    assertThat(used(own)).isGreaterThan(100_000);
                    assertThat(threads.getCurrentThreadAllocatedBytes() - allocated)
                            .isLessThan(100_000);
                }
            }
        }
    }

    private static long used(BlockCursor block) {
        long count = 0;
        while (block.next()) {
            count += block.name().equals("USED") ? 1 : 0;
        }
        return count;
    }

    @Test
    void namesItsArenas() throws Exception {
        try (PythonProcess process = PythonProcess.of(Python.trixie()).start();
                Target target = Target.attach(process.pid())) {
            Heap heap = Heaps.of(target).find(PythonHeap.class).orElseThrow();
            assertThat(heap.regions().columns())
                    .extracting(column -> column.field())
                    .containsExactly("arena", "address", "size", "pools", "free_pools");
            assertThat(heap.name()).isEqualTo("CPython");
            assertThat(heap.evidence()).isNotEmpty();
            assertThat(heap.refresh()).isSameAs(heap);
        }
    }
}
