// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.HugePages;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Main heaps that have their memory from {@code mmap}, since {@code brk} fails or is not wanted. */
class MappedMainHeapTest {
    @TempDir
    private Path folder;

    /** When the break is blocked and unblocked, and where mappings may go, is in the arguments. */
    private static final String PROGRAM = """
            #define _GNU_SOURCE
            #include <malloc.h>
            #include <stdint.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <unistd.h>
            #define N 9000
            #define HOLES 24
            #define HOLE (1 << 20)
            static void *held[N];
            static char *holes[HOLES];
            static char *block;
            static char *map(void *at, size_t bytes, int flags) {
                char *p = mmap(at, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
                if (p == MAP_FAILED) abort();
                return p;
            }
            static void dam(void) {
                block = map((void *) (((uintptr_t) sbrk(0) + 4095) & -4096l), 4096, MAP_FIXED_NOREPLACE);
            }
            int main(int argc, char **argv) {
                int from = N, to = N, holes_left = 0, small = 0;
                for (int i = 1; i < argc; i++) {
                    if (strncmp(argv[i], "block=", 6) == 0) from = atoi(argv[i] + 6);
                    if (strncmp(argv[i], "unblock=", 8) == 0) to = atoi(argv[i] + 8);
                    if (strcmp(argv[i], "holes") == 0) holes_left = HOLES;
                    if (strcmp(argv[i], "small") == 0) small = 1;
                    if (strcmp(argv[i], "foreign") == 0) memset(sbrk(5000), 0x5a, 5000);
                }
                // Gaps of a mebibyte that are opened in an order of their own, one when the last is filled.
                char *area = holes_left ? map(NULL, HOLES * 2l * HOLE, 0) : NULL;
                for (int i = 0; i < holes_left; i++) holes[i] = area + (i * 7 + 3) % HOLES * 2l * HOLE;
                unsigned random = 1;
                for (int i = 0; i < N; i++) {
                    if (i == from) dam();
                    if (i == to) munmap(block, 4096);
                    if (holes_left && i % (N / HOLES) == 0) munmap(holes[--holes_left], HOLE);
                    random = random * 1103515245 + 12345;
                    size_t size = small ? 1 + random / 65536 % 200 : 1 + random / 65536 % 5000;
                    held[i] = i % 700 == 5 ? malloc(300000) : i % 50 == 3 ? memalign(1024, size) : malloc(size);
                    if (i % 3 == 1 && i > 500) { free(held[i - 500]); held[i - 500] = NULL; }
                }
                static char buffer[1 << 20];
                setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
                printf("pid %d\\n", (int) getpid());
                struct mallinfo info = mallinfo();
                printf("arena %d\\nhblks %d\\nhblkhd %d\\nfordblks %d\\n",
                        info.arena, info.hblks, info.hblkhd, info.fordblks);
                for (int i = 0; i < N; i++)
                    if (held[i]) printf("%p %d\\n", held[i], (int) malloc_usable_size(held[i]));
                puts("READY");
                fflush(stdout);
                char c;
                while (read(0, &c, 1) > 0) ;
                _exit(0);
            }
            """;

    record Case(Release release, List<String> arguments, String tunables, boolean huge) {
        @Override
        public String toString() {
            return release.label() + " " + arguments + " " + tunables + (huge ? " in huge pages" : "");
        }
    }

    static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (Release release : Release.debian()) {
            for (String arguments : List.of(
                    "block=0",
                    "block=0 small",
                    "block=0 holes",
                    "block=0 foreign",
                    "block=0 unblock=4000",
                    "block=3000",
                    "block=3000 holes",
                    "block=3000 unblock=6000",
                    "block=3000 unblock=6000 foreign holes")) {
                cases.add(new Case(release, List.of(arguments.split(" ")), "", false));
            }
            cases.add(new Case(release, List.of("block=0"), "glibc.malloc.mmap_threshold=4096", false));
            if (release != Release.BULLSEYE) {
                cases.add(new Case(release, List.of(), "glibc.malloc.hugetlb=2", false));
                cases.add(new Case(release, List.of("holes", "small"), "glibc.malloc.hugetlb=2", false));
            }
        }
        return cases;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everyRunIsFound(Case it) throws IOException {
        String program = CProgram.portableSource("mapped-main-heap", PROGRAM).install(it.release(), false);
        List<String> line = new ArrayList<>(List.of(program));
        line.addAll(it.arguments());
        Map<String, String> settings = it.tunables().isEmpty() ? Map.of() : Map.of("GLIBC_TUNABLES", it.tunables());
        List<String> command = it.release().commandBeside(Path.of(System.getProperty("java.io.tmpdir")), false, line);
        try (ToldProgram told = new ToldProgram(settings, command.toArray(String[]::new))) {
            if (it.huge()) {
                assertThat(Path.of("/proc/" + told.pid + "/maps")).content().contains("/anon_hugepage");
            }
            for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                try (Target target = Target.attach(told.pid)) {
                    agree(MallocHeap.locate(target, symbols), told);
                }
            }
            Path core = Cores.gcore(it.release(), told.pid, folder);
            try (Target target = Target.core(core, it.release().root(false).orElse(Path.of("/")))) {
                agree(MallocHeap.locate(target, MallocHeap.Symbols.IGNORE), told);
            }
            Files.delete(core);
        }
    }

    private static void agree(MallocHeap heap, ToldProgram told) {
        assertThat(ToldProgram.used(heap)).as(heap.evidence().toString()).isEqualTo(told.blocks);
        assertThat(heap.arenas().getFirst().systemBytes()).isEqualTo(told.numbers.get("arena"));
        assertThat(heap.mmapped().count()).isEqualTo(told.numbers.get("hblks"));
        assertThat(heap.mmapped().confidence()).isEqualTo(MmappedChunks.Confidence.EXACT);
        long free = 0;
        ChunkCursor chunk = heap.chunks();
        while (chunk.next()) {
            if (chunk.state() != ChunkState.USED && chunk.state() != ChunkState.TCACHE) {
                free += chunk.size();
            }
        }
        assertThat(free).as(heap.evidence().toString()).isEqualTo(told.numbers.get("fordblks"));
    }

    static List<Release> withHugePages() {
        return Release.debian().stream()
                .filter(release -> release != Release.BULLSEYE)
                .toList();
    }

    /** The kernel calls such mappings {@code /anon_hugepage (deleted)}. */
    @ParameterizedTest
    @MethodSource("withHugePages")
    void hugePages(Release release) throws IOException {
        String why = "no huge pages can be reserved";
        try (HugePages reserved = HugePages.reserve(40)) {
            if (!reserved.enough()) {
                ThisMachine.leavesOut("a main heap in reserved huge pages", why);
                abort(why);
            }
            everyRunIsFound(new Case(release, List.of("small"), "glibc.malloc.hugetlb=2", true));
            everyRunIsFound(new Case(release, List.of(), "glibc.malloc.hugetlb=2", true));
        }
    }
}
