// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Source;
import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Which glibc a heap is told to be of: never a wrong one, and a range where nothing tells. */
class VersionTest {
    @TempDir
    private Path folder;

    private static final String PROGRAM = """
            #include <malloc.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>
            static void *held[500];
            int main(int argc, char **argv) {
                for (int i = 0; i < 500; i++) held[i] = malloc(1 + i % 90 * 7);
                for (int i = 0; argc > 1 && i < atoi(argv[1]); i++) { free(held[i * 3]); held[i * 3] = NULL; }
                static char buffer[65536];
                setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
                printf("pid %d\\n", (int) getpid());
                for (int i = 0; i < 500; i++)
                    if (held[i]) printf("%p %d\\n", held[i], (int) malloc_usable_size(held[i]));
                puts("READY");
                fflush(stdout);
                char c;
                while (read(0, &c, 1) > 0) ;
                _exit(0);
            }
            """;

    private static String version(MallocHeap heap) {
        return layout(heap).conclusion();
    }

    private static Evidence layout(MallocHeap heap) {
        return heap.evidence().stream()
                .filter(one -> one.subject().equals("layout"))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no layout: " + heap.evidence()));
    }

    private static void agree(MallocHeap heap, ToldProgram told) {
        assertThat(ToldProgram.used(heap)).as(heap.evidence().toString()).containsAllEntriesOf(told.blocks);
        assertThat(heap.threadCaches()).as(heap.evidence().toString()).hasSizeLessThan(2);
    }

    /** A static program names no version, and has none of the files that do. */
    @ParameterizedTest
    @CsvSource({
        "true, 0, glibc 2.30 to 2.34",
        "true, 1, glibc 2.30 to 2.31",
        "true, 100, glibc 2.30 to 2.31",
        "false, 0, ",
        "false, 1, ",
        "false, 100, "
    })
    void aStaticProgram(boolean oldest, int freed, String ofOldest) throws IOException {
        String expected = oldest ? ofOldest : ofThisMachine();
        for (boolean stripped : new boolean[] {false, true}) {
            String[] options = stripped ? new String[] {"-static", "-s"} : new String[] {"-static"};
            Path program = oldest
                    ? CProgram.portableSource("version-static", PROGRAM, options)
                            .file()
                    : CProgram.compile("version-static", PROGRAM, options);
            try (ToldProgram told = new ToldProgram(Map.of(), program.toString(), Integer.toString(freed))) {
                for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                    try (Target target = Target.attach(told.pid)) {
                        MallocHeap heap = MallocHeap.locate(target, symbols);
                        assertThat(version(heap)).as(heap.evidence().toString()).startsWith(expected);
                        agree(heap, told);
                    }
                }
                Path core = Cores.gcore(Release.HOST, told.pid, folder);
                try (Target target = Target.core(core)) {
                    MallocHeap heap = MallocHeap.locate(target);
                    assertThat(version(heap)).as(heap.evidence().toString()).startsWith(expected);
                    agree(heap, told);
                }
                Files.delete(core);
            }
        }
    }

    private static String ofThisMachine() throws IOException {
        Process process = new ProcessBuilder("getconf", "GNU_LIBC_VERSION").start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        String version = said.strip().split(" ")[1];
        return MallocLayout.ALL.stream()
                .filter(layout -> layout.covers(version))
                .findFirst()
                .orElseThrow()
                .versions();
    }

    static Stream<Arguments> releases() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of(0, 1, 100).map(freed -> Arguments.of(release, freed)));
    }

    /** The C library itself says which it is; a copy that says nothing has its structures, and files beside it. */
    @ParameterizedTest
    @MethodSource("releases")
    void aLibraryWithoutItsBanner(Release release, int freed) throws IOException {
        Path root = release.root(false).orElseThrow();
        String program = CProgram.portableSource("version", PROGRAM).install(release, false);
        byte[] library = Files.readAllBytes(root.resolve("lib/x86_64-linux-gnu/libc.so.6"));
        byte[] banner = "GNU C Library".getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i + banner.length < library.length; i++) {
            if (java.util.Arrays.equals(library, i, i + banner.length, banner, 0, banner.length)) {
                library[i] = 'X';
            }
        }
        Path copies = Files.createTempDirectory(root.resolve("tmp"), "heapwalk-libc");
        try {
            Files.write(copies.resolve("libc.so.6"), library);
            for (boolean silent : new boolean[] {false, true}) {
                Map<String, String> settings =
                        silent ? Map.of("LD_LIBRARY_PATH", "/tmp/" + copies.getFileName()) : Map.of();
                List<String> line = release.command(false, List.of(program, Integer.toString(freed)));
                try (ToldProgram told = new ToldProgram(settings, line.toArray(String[]::new));
                        Target target = Target.attach(told.pid)) {
                    MallocHeap heap = MallocHeap.locate(target, MallocHeap.Symbols.IGNORE);
                    assertThat(version(heap)).as(heap.evidence().toString()).startsWith(range(release));
                    agree(heap, told);
                    // To 2.33 the dynamic linker's file tells.
                    assertThat(layout(heap).sources().contains(Source.BANNER)).isEqualTo(!silent);
                    if (release == Release.BULLSEYE && silent) {
                        assertThat(layout(heap).basis()).contains("-2.31.so");
                    }
                }
            }
        } finally {
            Files.delete(copies.resolve("libc.so.6"));
            Files.delete(copies);
        }
    }

    private static String range(Release release) {
        return release == Release.BULLSEYE
                ? "glibc 2.30 to 2.31"
                : release == Release.SID ? "glibc 2.43" : "glibc 2.35 to 2.41";
    }

    // ---- by the tables, for versions that no release at hand has

    private static final long BASE = 0x10000;
    private static final long ARENA = BASE + 0x1000;
    private static final long PAR = BASE + 0x2000;
    private static final long HEAP = BASE + 0x3000;
    private static final long HEAP_SIZE = 0x21000;

    private final MemorySegment content = Arena.ofAuto().allocate(0x3000 + HEAP_SIZE + 0x1000, 8);

    private void put(long address, long value) {
        content.set(Words.LONG, address - BASE, value);
    }

    /**
     * A process that has some blocks, and some of them in the cache of its thread.
     *
     * @param freed how many blocks of 32 bytes lie in one list of the cache
     */
    private MallocHeap process(MallocLayout layout, int freed) {
        MallocLayout.State state = layout.state();
        MallocLayout.Par par = layout.par();
        MallocLayout.Tcache tcache = layout.tcache();
        for (int bin = 0; bin < MallocLayout.BINS; bin++) {
            long head = ARENA + state.bins() + 16L * bin - 16;
            put(head + 16, head);
            put(head + 24, head);
        }
        put(ARENA + state.next(), ARENA);
        put(ARENA + state.systemMem(), HEAP_SIZE);
        put(ARENA + state.maxSystemMem(), HEAP_SIZE);
        if (state.attachedThreads() >= 0) {
            put(ARENA + state.attachedThreads(), 1);
        }
        put(PAR, 128 << 10);
        put(PAR + 8, 128 << 10);
        put(PAR + 16, 128 << 10);
        if (par.nMmaps() >= 40) {
            put(PAR + 24, 8);
        }
        content.set(Words.INT, PAR + par.nMmaps() + 4 - BASE, 65536);
        put(PAR + par.sbrkBase(), HEAP);
        int slots = layout.tailHeader() ? 16 : 7;
        if (par.tcacheBins() >= 0) {
            put(PAR + par.tcacheBins(), 64);
            put(PAR + par.tcacheMaxBytes(), 1032);
            put(PAR + par.tcacheCount(), slots);
        }
        long at = HEAP;
        long cache = 0;
        // Since 2.42 it is made when the first block is freed.
        boolean first = tcache.bins() > 0 && !tcache.countsDown();
        if (first) {
            cache = at + 16;
            at = chunk(at, tcache.chunkSize());
        }
        List<Long> blocks = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            blocks.add(at + 16);
            at = chunk(at, i % 2 == 0 ? 0x20 : 0x290);
            put(blocks.getLast(), 0x4141414141414141L);
            put(blocks.getLast() + 8, 0x4242424242424242L);
        }
        if (tcache.countsDown() && freed > 0) {
            cache = at + 16;
            at = chunk(at, tcache.chunkSize());
        }
        if (tcache.countsDown() && freed > 0) {
            for (int bin = 0; bin < tcache.bins(); bin++) {
                content.set(Words.SHORT, cache - BASE + 2L * bin, (short) (bin == 0 ? slots - freed : slots));
            }
        }
        long next = 0;
        for (int i = 0; i < freed && tcache.bins() > 0; i++) {
            long block = blocks.get(2 * i);
            put(block, layout.safeLinking() ? block >>> 12 ^ next : next);
            switch (tcache.key()) {
                case NONE -> {}
                case STRUCT -> put(block + 8, cache);
                case RANDOM -> put(block + 8, 0x9d3f62b7aa21e405L);
            }
            next = block;
        }
        if (next != 0) {
            put(cache + tcache.entries(), next);
            if (tcache.countWidth() == 1) {
                content.set(Words.BYTE, cache - BASE, (byte) freed);
            } else if (!tcache.countsDown()) {
                content.set(Words.SHORT, cache - BASE, (short) freed);
            }
        }
        put(ARENA + state.top(), at);
        put(at + 8, HEAP + HEAP_SIZE - at | 1);
        return MallocHeap.locate(new SmallTarget(BASE, content, List.of()));
    }

    private long chunk(long at, long size) {
        put(at + 8, size | 1);
        return at + size;
    }

    static List<Arguments> layouts() {
        List<Arguments> all = new ArrayList<>();
        Map<String, String> together = new HashMap<>(Map.of(
                "2.27",
                "glibc 2.27 to 2.29",
                "2.29",
                "glibc 2.27 to 2.29",
                "2.30",
                "glibc 2.30 to 2.34",
                "2.32",
                "glibc 2.30 to 2.34",
                "2.34",
                "glibc 2.30 to 2.34"));
        for (MallocLayout layout : MallocLayout.ALL) {
            for (int freed : new int[] {0, 1, 5}) {
                String own = layout.versions();
                all.add(Arguments.of(layout, freed, freed == 0 ? together.getOrDefault(layout.since(), own) : own));
            }
        }
        return all;
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void everyVersionByTheTables(MallocLayout layout, int freed, String expected) {
        MallocHeap heap = process(layout, freed);
        assertThat(version(heap)).as(heap.evidence().toString()).startsWith(expected);
        if (version(heap).contains("to") && layout.since().equals(layout.until())) {
            assertThat(version(heap)).contains("not told apart");
        }
        assertThat(heap.damage()).isEmpty();
        long cached = heap.threadCaches().stream()
                .flatMap(cache -> cache.bins().stream())
                .mapToLong(bin -> bin.chunks().size())
                .sum();
        assertThat(cached).isEqualTo(layout.tcache().bins() == 0 ? 0 : freed);
    }

    // ---- cores of other people

    /** {@code HEAPWALK_CORES} names a folder of cores; of these some are known. */
    @ParameterizedTest
    @CsvSource({
        "ruby-1.9.3.core, glibc 2.23",
        "ruby-2.4.0.core, glibc 2.23",
        "ruby-2.7.2.core, glibc 2.32 to 2.33",
        "ruby-3.0.0.core, glibc 2.32 to 2.33",
        "ruby-3.3.0.core, glibc 2.35 to 2.41"
    })
    void coresOfOthers(String name, String expected) {
        String cores = System.getenv("HEAPWALK_CORES");
        assumeTrue(cores != null && Files.exists(Path.of(cores, name)), "HEAPWALK_CORES has no " + name);
        try (Target target = Target.core(Path.of(cores, name))) {
            MallocHeap heap = MallocHeap.locate(target);
            assertThat(version(heap)).as(heap.evidence().toString()).startsWith(expected);
            assertThat(heap.damage()).isEmpty();
            ChunkCursor chunk = heap.chunks();
            while (chunk.next()) {
                assertThat(chunk.size()).isPositive();
            }
            assertThat(chunk.damage()).isEmpty();
        }
    }
}
