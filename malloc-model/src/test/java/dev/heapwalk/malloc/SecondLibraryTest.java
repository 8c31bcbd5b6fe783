// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Processes with more than one C library, each with a heap of its own. */
class SecondLibraryTest {
    @TempDir
    private Path folder;

    /** What a namespace has in it: it allocates by its own C library, and tells what. */
    private static final String LIBRARY = """
            #define _GNU_SOURCE
            #include <malloc.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>
            #define N 20000
            static void *held[N];
            static int used;
            void fill(int count, int size) {
                int from = used;
                for (int i = 0; i < count; i++) held[used++] = malloc(size + i % 13 * 16);
                for (int i = from; i < used; i += 3) { free(held[i]); held[i] = NULL; }
            }
            void tell(int number) {
                static char line[200];
                struct mallinfo info = mallinfo();
                for (int i = 0; i < used; i++)
                    if (held[i]) write(1, line, snprintf(line, sizeof line, "%d %p %d\\n", number, held[i],
                                                         (int) malloc_usable_size(held[i])));
                write(1, line, snprintf(line, sizeof line, "arena%d %d\\nfordblks%d %d\\nhblks%d %d\\nhblkhd%d %d\\n",
                        number, info.arena, number, info.fordblks, number, info.hblks, number, info.hblkhd));
            }
            """;

    /** Beside its own blocks it has those of as many libraries as it is told to load, and of threads. */
    private static final String PROGRAM = LIBRARY + """
            #include <dlfcn.h>
            #include <pthread.h>
            #include <stdint.h>
            #include <sys/mman.h>
            #define MOST 4
            static void (*other_fill[MOST])(int, int);
            static void (*other_tell[MOST])(int);
            static int loaded, threads, size;
            static volatile int done;
            static void *work(void *unused) {
                for (int i = 0; i < loaded; i++) other_fill[i](100, 200);
                fill(100, 200);
                done++;
                pause();
                return unused;
            }
            int main(int argc, char **argv) {
                if (argc < 5) return 1;
                int wanted = atoi(argv[2]);
                threads = atoi(argv[3]);
                size = atoi(argv[4]);
                if (argc > 5)
                    mmap((void *) (((uintptr_t) sbrk(0) + 4095) & -4096l), 4096, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
                fill(600, size);
                for (; loaded < wanted; loaded++) {
                    void *library = dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW);
                    if (library == NULL) { puts(dlerror()); return 2; }
                    other_fill[loaded] = dlsym(library, "fill");
                    other_tell[loaded] = dlsym(library, "tell");
                }
                for (int round = 0; round < 5; round++)
                    for (int i = 0; i < loaded; i++) other_fill[i](300 + 100 * i, size);
                fill(300, 300000);
                for (int i = 0; i < loaded; i++) other_fill[i](3 + 2 * i, 200000 + 50000 * i);
                for (int i = 0; i < threads; i++) {
                    pthread_t t;
                    pthread_create(&t, NULL, work, NULL);
                    while (done <= i) usleep(1000);
                }
                tell(0);
                for (int i = 0; i < loaded; i++) other_tell[i](i + 1);
                static char line[100];
                write(1, line, snprintf(line, sizeof line, "pid %d\\nREADY\\n", (int) getpid()));
                char c;
                while (read(0, &c, 1) > 0) ;
                _exit(0);
            }
            """;

    private static final String AUDITOR = LIBRARY + """
            #include <link.h>
            unsigned int la_version(unsigned int version) {
                fill(300, 1000);
                tell(1);
                return version;
            }
            """;

    record Case(Release release, List<String> arguments) {
        @Override
        public String toString() {
            return release.label() + " " + arguments;
        }
    }

    static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (Release release : Release.debian()) {
            // How many libraries, threads that allocate from all of them, size of blocks.
            for (String arguments : List.of(
                    "1 0 100", "1 3 100", "1 0 3000", "1 0 3000 blocked", "2 0 100", "3 2 1500", "3 0 3000 blocked")) {
                cases.add(new Case(release, List.of(arguments.split(" "))));
            }
        }
        return cases;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void eachNamespaceHasItsOwnHeap(Case it) throws IOException {
        String library = CProgram.portableSource("namespace.so", LIBRARY, "-shared", "-fPIC")
                .install(it.release(), false);
        String program = CProgram.portableSource("namespaces", PROGRAM).install(it.release(), false);
        List<String> line = new ArrayList<>(List.of(program, library));
        line.addAll(it.arguments());
        try (ToldProgram told =
                new ToldProgram(Map.of(), it.release().command(false, line).toArray(String[]::new))) {
            int libraries = 1 + Integer.parseInt(it.arguments().getFirst());
            checkEverywhere(it.release(), told, libraries);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void anAuditorHasItsOwnHeap(Release release) throws IOException {
        String auditor = CProgram.portableSource("auditor.so", AUDITOR, "-shared", "-fPIC")
                .install(release, false);
        String program = CProgram.portableSource("namespaces", PROGRAM).install(release, false);
        List<String> line =
                release.command(false, List.of("/usr/bin/env", "LD_AUDIT=" + auditor, program, "-", "0", "0", "100"));
        try (ToldProgram told = new ToldProgram(Map.of(), line.toArray(String[]::new))) {
            checkEverywhere(release, told, 2);
        }
    }

    private void checkEverywhere(Release release, ToldProgram told, int libraries) throws IOException {
        for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
            try (Target target = Target.attach(told.pid)) {
                check(MallocHeap.locateAll(target, symbols), told, libraries);
            }
        }
        try (Target target = Target.observe(told.pid)) {
            List<MallocHeap> heaps = MallocHeap.locateAll(target);
            check(heaps, told, libraries);
            check(heaps.getFirst().refreshAll(), told, libraries);
            assertThat(heaps.getLast().refresh().name())
                    .isEqualTo(heaps.getLast().name());
        }
        Path core = Cores.gcore(release, told.pid, folder);
        try (Target target = Target.core(core, release.root(false).orElse(Path.of("/")))) {
            check(MallocHeap.locateAll(target, MallocHeap.Symbols.IGNORE), told, libraries);
        }
        Files.delete(core);
    }

    private static void check(List<MallocHeap> heaps, ToldProgram told, int libraries) {
        String evidence =
                heaps.stream().map(heap -> heap.name() + " " + heap.evidence()).collect(Collectors.joining("\n"));
        assertThat(heaps).as(evidence).hasSize(libraries);
        assertThat(heaps.stream().map(MallocHeap::name)).doesNotHaveDuplicates();
        assertThat(heaps.getFirst().name()).isEqualTo("glibc's malloc in libc.so.6");
        Map<Long, Long> all = new HashMap<>();
        int regions = 0;
        for (int i = 0; i < libraries; i++) {
            MallocHeap heap = heaps.get(i);
            if (i > 0) {
                assertThat(heap.name()).isEqualTo("glibc's malloc in libc.so.6, namespace " + i);
            }
            assertThat(heap.firstRegion()).isEqualTo(regions);
            regions += heap.arenas().size();
            assertThat(heap.damage()).as(evidence).isEmpty();
            Map<Long, Long> used = new HashMap<>();
            Set<Long> mmapped = new HashSet<>();
            long free = 0;
            ChunkCursor chunk = heap.chunks();
            while (chunk.next()) {
                if (chunk.state() == ChunkState.USED) {
                    used.put(chunk.userAddress(), chunk.usableSize());
                    if (chunk.mmapped()) {
                        mmapped.add(chunk.userAddress());
                    }
                } else if (chunk.state() != ChunkState.TCACHE) {
                    free += chunk.size();
                }
            }
            assertThat(chunk.damage()).as(evidence).isEmpty();
            assertThat(free).as("free in %d: %s", i, evidence).isEqualTo(told.numbers.get("fordblks" + i));
            assertThat(heap.arenas().stream()
                            .mapToLong(MallocArena::systemBytes)
                            .sum())
                    .isEqualTo(told.numbers.get("arena" + i));
            assertThat(heap.mmapped().count()).as(evidence).isEqualTo(told.numbers.get("hblks" + i));
            assertThat(heap.mmapped().bytes()).as(evidence).isEqualTo(told.numbers.get("hblkhd" + i));
            assertThat(heap.mmapped().confidence()).isNotEqualTo(MmappedChunks.Confidence.UNCONFIRMED);
            Set<Long> own = new HashSet<>(told.owners.get(i));
            own.removeIf(address -> heap.mmapped().confidence() == MmappedChunks.Confidence.AMBIGUOUS
                    && !used.containsKey(address)
                    && told.blocks.get(address) > 100_000);
            assertThat(used.keySet()).as("blocks of %d: %s", i, evidence).containsAll(own);
            Map<Long, Long> rest = new HashMap<>(used);
            rest.keySet().removeAll(mmapped);
            for (int other = 0; other < libraries; other++) {
                if (other != i) {
                    assertThat(rest.keySet()).doesNotContainAnyElementsOf(told.owners.get(other));
                }
            }
            used.forEach((address, size) -> assertThat(all.put(address, size)).isNull());
            // Threads of the program have a cache in each library that they allocate from.
            assertThat(heap.threadCaches()).as(evidence).isNotEmpty();
        }
        assertThat(all).as(evidence).containsAllEntriesOf(told.blocks);
        Heaps together = Heaps.of(heaps.getFirst(), heaps.subList(1, libraries).toArray(Heap[]::new));
        UsageCursor usage = UsageCursor.over(together);
        long walked = 0;
        while (usage.next()) {
            walked += all.remove(usage.address()) != null ? 1 : 0;
        }
        assertThat(all).isEmpty();
        assertThat(walked).isPositive();
    }
}
