// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Heaps that are not as usual, and programs that have none of glibc's. */
class SpecialHeapsTest {
    @TempDir
    private Path folder;

    /** Since 2.35 malloc can use them. */
    static List<Release> withHugePages() {
        return Release.debian().stream()
                .filter(release -> release != Release.BULLSEYE)
                .toList();
    }

    static List<Release> releases() {
        return Release.debian();
    }

    @ParameterizedTest
    @MethodSource("releases")
    void aMainHeapWithGapsOfSomebodyElse(Release release) throws IOException {
        try (LedgerProcess process = LedgerProcess.of(release, "foreign-sbrk").start()) {
            Ledger ledger = process.ledger();
            for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                try (Target target = Target.attach(process.pid())) {
                    HeapCheck check = new HeapCheck(target, symbols, ledger);
                    check.everyLiveBlockIsUsed();
                    check.everythingElseIsExplained();
                    check.noFreedBlockIsUsed();
                    // Malloc counts the gaps as its own, and as used.
                    check.mallinfoAgrees();
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("releases")
    void aProgramThatNeverAllocatesHasNoArena(Release release) throws IOException {
        try (LedgerProcess process = LedgerProcess.of(release, "never").start()) {
            for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                try (Target target = Target.attach(process.pid())) {
                    MallocHeap heap = MallocHeap.locate(target, symbols);
                    assertThat(heap.arenas()).as(heap.evidence().toString()).isEmpty();
                    assertThat(heap.chunks().next()).isFalse();
                    assertThat(heap.damage()).isEmpty();
                    assertThat(UsageCursor.over(Heaps.of(heap)).next()).isFalse();
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("withHugePages")
    void transparentHugePages(Release release) throws IOException {
        try (LedgerProcess process = LedgerProcess.of(release, "threads")
                .kernelFiles()
                .env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
                .start()) {
            Ledger ledger = process.ledger();
            try (Target target = Target.attach(process.pid())) {
                new HeapCheck(target, MallocHeap.Symbols.IGNORE, ledger).all();
            }
        }
    }

    /**
     * Where none are reserved malloc does without them, but for the size of the heaps of threads: four such pages to
     * 2.41.
     */
    @ParameterizedTest
    @MethodSource("withHugePages")
    void reservedHugePages(Release release) throws IOException {
        if (ThisMachine.hugePageSize().orElse(0) != 2 << 20) {
            String why = "the machine's huge pages are not those of 2 MiB";
            ThisMachine.leavesOut("heaps of threads in reserved huge pages", why);
            abort(why);
        }
        try (LedgerProcess process = LedgerProcess.of(release, "threads")
                .kernelFiles()
                .env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=2")
                .start()) {
            Ledger ledger = process.ledger();
            for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                try (Target target = Target.attach(process.pid())) {
                    HeapCheck check = new HeapCheck(target, symbols, ledger);
                    check.all();
                    long apart = check.heap().arenas().stream()
                            .flatMap(arena -> arena.regions().stream())
                            .mapToLong(MallocArena.Region::heapInfo)
                            .reduce(0, (a, b) -> a | b);
                    assertThat(Long.lowestOneBit(apart))
                            .as(
                                    "what heaps lie at multiples of: %s",
                                    check.heap().evidence())
                            .isGreaterThanOrEqualTo(release == Release.SID ? 64L << 20 : 8L << 20);
                    if (release != Release.SID) {
                        assertThat(check.heap().evidence())
                                .anyMatch(one -> one.toString().contains("multiples of 8 MiB"));
                    }
                }
            }
        }
    }

    @Test
    void aGuestForAnotherProcessorWhoseCoreNamesNoModule() throws IOException {
        try (LedgerProcess process =
                LedgerProcess.of(Release.HOST, "threads").aarch64().start()) {
            Ledger ledger = process.ledger();
            Path core = Cores.abort(process, folder);
            for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                try (Target target = Target.core(core)) {
                    HeapCheck check = new HeapCheck(target, symbols, ledger);
                    check.all();
                }
            }
        }
    }

    // ---- programs of our own

    private static final String BLOCKS = """
            #include <malloc.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>
            #include <pthread.h>
            static void *held[500];
            static void *idle(void *unused) {
                for (int i = 0; i < 40; i++) { void *p[7]; for (int k = 0; k < 7; k++) p[k] = malloc(24 + 16 * i);
                    for (int k = 0; k < 7; k++) free(p[k]); }
                pause();
                return unused;
            }
            int main(int argc, char **argv) {
                for (int i = 0; i < 500; i++) held[i] = malloc(1 + i * 7);
                for (int i = 0; i < 500; i += 3) { free(held[i]); held[i] = NULL; }
                if (argc > 1) {
                    for (int i = 0; i < 3; i++) { pthread_t t; pthread_create(&t, NULL, idle, NULL); }
                    sleep(1);
                    if (fork() != 0) { pause(); }
                }
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

    private static final String SEVERAL_HEAPS = """
            #define _GNU_SOURCE
            #include <malloc.h>
            #include <pthread.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            #define N 2400
            static void *held[N];
            static void *work(void *unused) {
                // 230 MB in blocks below the threshold: four heaps of 64 MiB.
                for (int i = 0; i < N; i++) held[i] = malloc(95000 + i % 7 * 16);
                // The last heap gets empty, so that the arena ends in the one before, with a fencepost undone.
                for (int i = N - 1; i > N - 500; i--) { free(held[i]); held[i] = NULL; }
                for (int i = 0; i < N; i += 5) { free(held[i]); held[i] = NULL; }
                for (int i = 1; i < N; i += 100) { free(held[i]); held[i] = malloc(100 + i); }
                static char buffer[1 << 18];
                setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
                printf("pid %d\\n", (int) getpid());
                for (int i = 0; i < N; i++)
                    if (held[i]) printf("%p %d\\n", held[i], (int) malloc_usable_size(held[i]));
                puts("READY");
                fflush(stdout);
                char c;
                while (read(0, &c, 1) > 0) ;
                _exit(0);
                return unused;
            }
            int main(void) {
                pthread_t t;
                mallopt(M_MMAP_THRESHOLD, 1 << 20);
                pthread_create(&t, NULL, work, NULL);
                for (;;) pause();
            }
            """;

    private static final String BESIDE_A_LIBRARY = """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <malloc.h>
            #include <stdint.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <unistd.h>
            #define N 1500
            #define HOLE (1 << 20)
            static void *held[N];
            static void *map(void *at, size_t bytes, int flags) {
                void *p = mmap(at, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
                if (p == MAP_FAILED) abort();
                return p;
            }
            int main(int argc, char **argv) {
                if (argc < 2) return 1;
                // From now on there is a top that dlopen finds memory in, so that it maps none.
                held[0] = malloc(10);
                // The library comes to lie right below a mapping that then makes room, since no gap above is as large.
                char *hole = map(NULL, HOLE, 0);
                for (;;) {
                    char *filling = map(NULL, 8 * 4096, 0);
                    if (filling < hole) { munmap(filling, 8 * 4096); break; }
                }
                // By its path, or the cache of names would be mapped in between.
                if (dlopen("/lib/x86_64-linux-gnu/libresolv.so.2", RTLD_NOW) == NULL) abort();
                munmap(hole, HOLE);
                int heap = strcmp(argv[1], "heap") == 0;
                if (heap) {
                    // The main heap can't grow where it is, and asks for 1 MiB somewhere else. What is left of its top
                    // decides what becomes of that.
                    mallopt(M_MMAP_THRESHOLD, 1 << 20);
                    char *last = malloc(1000);
                    last = malloc((char *) sbrk(0) - last - 1000 - atoi(argv[2]));
                    map((void *) (((uintptr_t) sbrk(0) + 4095) & -4096l), 4096, MAP_FIXED_NOREPLACE);
                }
                for (int i = 1; i < N; i++) held[i] = malloc(heap ? 200 + i % 200 : 4000 + i % 6 * 4096);
                // Those that fill the room stay.
                for (int i = heap ? 1 : N / 2; i < N; i += 7) { free(held[i]); held[i] = NULL; }
                static char buffer[1 << 18];
                setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
                printf("pid %d\\n", (int) getpid());
                for (int i = 0; i < N; i++)
                    if (held[i]) printf("%p %d\\n", held[i], (int) malloc_usable_size(held[i]));
                puts("READY");
                fflush(stdout);
                char c;
                while (read(0, &c, 1) > 0) ;
                _exit(0);
            }
            """;

    @ParameterizedTest
    @MethodSource("releases")
    void chunksInTheMappingOfALibrarysBss(Release release) throws IOException {
        String program =
                CProgram.portableSource("beside-a-library", BESIDE_A_LIBRARY).install(release, false);
        for (List<String> mode : List.of(
                List.of("heap", "32"),
                List.of("heap", "48"),
                List.of("heap", "64"),
                List.of("heap", "160"),
                List.of("4096"),
                List.of("256"))) {
            Map<String, String> settings = mode.size() > 1
                    ? Map.of()
                    : Map.of("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=" + mode.getFirst());
            List<String> words = new ArrayList<>(List.of(program));
            words.addAll(mode);
            String[] line = release.command(false, words).toArray(String[]::new);
            try (ToldProgram told = new ToldProgram(settings, line)) {
                for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                    try (Target target = Target.attach(told.pid)) {
                        // Pages that came one by one are joined to it only if the kernel could not join them to others.
                        assertThat(insideModules(target, told.blocks.keySet()))
                                .as("blocks in mappings of modules")
                                .isGreaterThan(mode.size() > 1 ? 100 : -1);
                        besideALibrary(MallocHeap.locate(target, symbols), mode, told);
                    }
                }
                Path core = Cores.gcore(release, told.pid, folder);
                try (Target target = Target.core(core, release.root(false).orElse(Path.of("/")))) {
                    besideALibrary(MallocHeap.locate(target, MallocHeap.Symbols.IGNORE), mode, told);
                }
                Files.delete(core);
            }
        }
    }

    private static long insideModules(Target target, Set<Long> blocks) {
        return target.modules().stream()
                .flatMap(module -> module.mappings().stream())
                .mapToLong(mapping -> blocks.stream().filter(mapping::contains).count())
                .sum();
    }

    private static void besideALibrary(MallocHeap heap, List<String> mode, ToldProgram told) {
        assertThat(ToldProgram.used(heap)).as(mode + " " + heap.evidence()).containsAllEntriesOf(told.blocks);
        assertThat(heap.mmapped().confidence()).isEqualTo(MmappedChunks.Confidence.EXACT);
        assertThat(heap.arenas().getFirst().regions()).hasSize(mode.size() > 1 ? 2 : 1);
        assertThat(heap.threadCaches()).hasSize(1);
    }

    private static final String SHRUNK = """
            #define _GNU_SOURCE
            #include <malloc.h>
            #include <stdint.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <unistd.h>
            #define N 1500
            #define HOLE (1 << 20)
            static void *held[N];
            static char *map(void *at, size_t bytes, int flags) {
                char *p = mmap(at, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
                if (p == MAP_FAILED) abort();
                return p;
            }
            int main(int argc, char **argv) {
                if (argc < 2) return 1;
                held[N - 1] = malloc(10);
                if (strcmp(argv[1], "padding") == 0) {
                    // Each lies one page further from a multiple of the alignment than the one before.
                    for (int i = 0; i < 16; i++) held[i] = memalign(1 << 16, HOLE);
                    for (int i = 0; i < 16; i++) held[i] = realloc(held[i], 3000);
                } else {
                    char *block = memalign(64, HOLE);
                    // No gap above is as large as the one that the block leaves, and the main heap can't grow where it
                    // is.
                    for (char *filling = NULL; filling == NULL || filling > block; ) filling = map(NULL, HOLE, 0);
                    held[0] = realloc(block, 3000);
                    map((void *) (((uintptr_t) sbrk(0) + 4095) & -4096l), 4096, MAP_FIXED_NOREPLACE);
                    for (int i = 1; i < N - 1; i++) held[i] = malloc(200 + i % 200);
                    for (int i = 1; i < N - 1; i += 7) { free(held[i]); held[i] = NULL; }
                }
                static char buffer[1 << 18];
                setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
                printf("pid %d\\n", (int) getpid());
                for (int i = 0; i < N; i++)
                    if (held[i]) printf("%p %d\\n", held[i], (int) malloc_usable_size(held[i]));
                puts("READY");
                fflush(stdout);
                char c;
                while (read(0, &c, 1) > 0) ;
                _exit(0);
            }
            """;

    /** {@code mremap} changes the header of the block only; the one where its mapping begins tells the old length. */
    @ParameterizedTest
    @MethodSource("releases")
    void alignedBlocksThatShrank(Release release) throws IOException {
        String program = CProgram.portableSource("shrunk", SHRUNK).install(release, false);
        for (String mode : List.of("padding", "heap-behind")) {
            boolean heap = mode.equals("heap-behind");
            try (ToldProgram told = new ToldProgram(
                    Map.of(), release.command(false, List.of(program, mode)).toArray(String[]::new))) {
                for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                    try (Target target = Target.attach(told.pid)) {
                        MallocHeap found = MallocHeap.locate(target, symbols);
                        assertThat(ToldProgram.used(found))
                                .as(mode + " " + found.evidence())
                                .containsAllEntriesOf(told.blocks);
                        assertThat(found.mmapped().confidence()).isEqualTo(MmappedChunks.Confidence.EXACT);
                        assertThat(found.arenas().getFirst().regions()).hasSize(heap ? 2 : 1);
                        if (heap) {
                            assertThat(blocksBesideTheMmappedOne(target, told.blocks.keySet()))
                                    .isGreaterThan(100);
                        }
                    }
                }
            }
        }
    }

    private static long blocksBesideTheMmappedOne(Target target, Set<Long> blocks) {
        Mapping mapping = blocks.stream()
                .map(block -> target.memory().mappings().at(block).orElseThrow())
                .filter(one -> !one.path().equals("[heap]"))
                .findFirst()
                .orElseThrow();
        return blocks.stream().filter(mapping::contains).count();
    }

    @ParameterizedTest
    @MethodSource("releases")
    void anArenaOfSeveralHeaps(Release release) throws IOException {
        String program = CProgram.portableSource("several-heaps", SEVERAL_HEAPS).install(release, false);
        for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
            try (ToldProgram told = new ToldProgram(
                            Map.of(), release.command(false, List.of(program)).toArray(String[]::new));
                    Target target = Target.attach(told.pid)) {
                MallocHeap heap = MallocHeap.locate(target, symbols);
                Map<Long, Long> used = ToldProgram.used(heap);
                assertThat(used).containsAllEntriesOf(told.blocks);
                MallocArena arena = heap.arenas().get(1);
                assertThat(arena.regions()).hasSizeGreaterThan(2);
                assertThat(heap.arenas()).hasSize(2);
                used.keySet().removeAll(told.blocks.keySet());
                // The name of the program's one thread is all that is left, if this libc allocates it.
                assertThat(used).as(heap.evidence().toString()).isEmpty();
                long bytes = 0;
                ChunkCursor chunk = heap.chunks(arena);
                while (chunk.next()) {
                    bytes += chunk.size();
                }
                long headers = arena.regions().stream()
                        .mapToLong(region -> region.start() - region.heapInfo())
                        .sum();
                int ends = arena.regions().size() - 1;
                assertThat(arena.systemBytes() - headers - bytes).isBetween(32L * ends, 63L * ends);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("releases")
    void aBusyProgramIsReadWithoutAnError(Release release) throws IOException {
        try (LedgerProcess process = LedgerProcess.of(release, "churn").start()) {
            for (int i = 0; i < 20; i++) {
                try (Target target = i % 2 == 0 ? Target.attach(process.pid()) : Target.observe(process.pid())) {
                    MallocHeap heap = MallocHeap.locate(target);
                    UsageCursor cursor = UsageCursor.over(Heaps.of(heap));
                    long chunks = 0;
                    while (cursor.next()) {
                        chunks++;
                    }
                    heap.arenas().forEach(heap::bins);
                    assertThat(chunks)
                            .as("round %d, %s: %s", i, target.mode(), heap.evidence())
                            .isPositive();
                    if (target.still()) {
                        assertThat(heap.threadCaches().stream()
                                        .filter(cache -> cache.tid().isPresent()))
                                .isNotEmpty();
                    }
                }
            }
            process.stop();
            Ledger ledger = process.ledger();
            try (Target target = Target.attach(process.pid())) {
                new HeapCheck(target, MallocHeap.Symbols.USE, ledger).all();
            }
            assertThat(process.check()).isPositive();
        }
    }

    @Test
    void aStaticProgramHasItsOwnCopyOfMalloc() throws IOException {
        Path program = CProgram.compile("static", BLOCKS, "-static");
        for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
            try (ToldProgram told = new ToldProgram(Map.of(), program.toString());
                    Target target = Target.attach(told.pid)) {
                assertThat(ToldProgram.used(MallocHeap.locate(target, symbols))).containsAllEntriesOf(told.blocks);
            }
        }
    }

    @Test
    void aStrippedStaticProgram() throws IOException {
        Path program = CProgram.compile("stripped", BLOCKS, "-static", "-s");
        try (ToldProgram told = new ToldProgram(Map.of(), program.toString());
                Target target = Target.attach(told.pid)) {
            assertThat(ToldProgram.used(MallocHeap.locate(target))).containsAllEntriesOf(told.blocks);
        }
    }

    @Test
    void theChildOfAForkKeepsTheCachesOfThreadsThatAreNotThere() throws IOException {
        Path program = CProgram.compile("forked", BLOCKS);
        for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
            try (ToldProgram told = new ToldProgram(Map.of(), program.toString(), "fork");
                    Target target = Target.attach(told.pid)) {
                MallocHeap heap = MallocHeap.locate(target, symbols);
                Map<Long, Long> used = ToldProgram.used(heap);
                // Three vectors of thread-local storage are left of the threads, which nothing names any more.
                told.blocks
                        .keySet()
                        .forEach(address -> assertThat(used.remove(address)).isNotNull());
                assertThat(used.values())
                        .as(heap.evidence().toString())
                        .allMatch(size -> size == 0x118 || size == 0x128)
                        .hasSize(3);
                assertThat(heap.threadCaches()).hasSize(4);
                assertThat(heap.threadCaches().stream()
                                .filter(cache -> cache.tid().isPresent()))
                        .hasSize(1);
            }
        }
    }

    @Test
    void aProgramWith32BitsIsNamed() {
        for (Machine machine : new Machine[] {Machine.I386, Machine.ARM, Machine.X32}) {
            assertThatThrownBy(() -> MallocHeap.locate(new EmptyTarget(machine)))
                    .isInstanceOf(UnsupportedTargetException.class)
                    .hasMessageContaining("32-bit (" + machine.label() + ")");
        }
        assertThatThrownBy(() -> MallocHeap.locate(new EmptyTarget(Machine.OTHER)))
                .isInstanceOf(UnsupportedTargetException.class)
                .hasMessageContaining("an unknown machine");
        assertThatThrownBy(() -> MallocHeap.locate(new EmptyTarget(Machine.X86_64)))
                .isInstanceOf(UnsupportedTargetException.class)
                .hasMessageContaining("none of its modules is glibc");
    }

    private static Path library(String name) throws IOException {
        try (var found = Files.find(
                Path.of("/usr/lib"),
                3,
                (path, attributes) -> path.getFileName().toString().startsWith(name))) {
            return found.findFirst()
                    .orElseThrow(() -> new IOException("no " + name + " under /usr/lib: run script/test"));
        }
    }

    @ParameterizedTest
    @MethodSource("otherAllocators")
    void anotherAllocatorIsNamed(String file, String name) throws IOException {
        Path program = CProgram.compile("preloaded", BLOCKS);
        try (ToldProgram told =
                        new ToldProgram(Map.of("LD_PRELOAD", library(file).toString()), program.toString());
                Target target = Target.attach(told.pid)) {
            assertThatThrownBy(() -> MallocHeap.locate(target))
                    .isInstanceOf(UnsupportedTargetException.class)
                    .hasMessageContaining(name);
        }
    }

    static List<Object[]> otherAllocators() {
        return List.of(
                new Object[] {"libjemalloc.so.2", "jemalloc"},
                new Object[] {"libtcmalloc_minimal.so.4", "tcmalloc"},
                new Object[] {"libefence.so.0", "Electric Fence"});
    }

    /** A sanitizer's runtime may be in the program or beside it. */
    @ParameterizedTest
    @CsvSource({
        "-fsanitize=address, , AddressSanitizer in libasan",
        "-fsanitize=address, -static-libasan, AddressSanitizer in sanitized",
        "-fsanitize=leak, , LeakSanitizer in liblsan",
        "-fsanitize=thread, , ThreadSanitizer in libtsan"
    })
    void aSanitizerIsNamed(String option, String more, String name) throws IOException {
        Path program = more == null
                ? CProgram.compile("sanitized", BLOCKS, option)
                : CProgram.compile("sanitized", BLOCKS, option, more);
        try (ToldProgram told = new ToldProgram(Map.of(), "setarch", "-R", program.toString());
                Target target = Target.attach(told.pid)) {
            assertThatThrownBy(() -> MallocHeap.locate(target))
                    .isInstanceOf(UnsupportedTargetException.class)
                    .hasMessageContaining(name);
        }
    }

    /** Those of its tools that know of blocks take the place of malloc; under the others it is glibc's. */
    @ParameterizedTest
    @ValueSource(strings = {"memcheck", "helgrind", "drd", "massif", "dhat", "none", "cachegrind"})
    void valgrindIsNamed(String tool) throws IOException {
        Path program = CProgram.compile("under-valgrind", BLOCKS);
        try (ToldProgram told = new ToldProgram(
                        Map.of(), "valgrind", "-q", "--tool=" + tool, "--log-file=/dev/null", program.toString());
                Target target = Target.attach(told.pid)) {
            if (tool.equals("none") || tool.equals("cachegrind")) {
                assertThat(ToldProgram.used(MallocHeap.locate(target))).containsAllEntriesOf(told.blocks);
            } else {
                assertThatThrownBy(() -> MallocHeap.locate(target))
                        .isInstanceOf(UnsupportedTargetException.class)
                        .hasMessageContaining("valgrind's " + tool + " in vgpreload_" + tool);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void muslIsNamed(boolean statically) throws IOException, InterruptedException {
        Path source = Files.writeString(folder.resolve("musl.c"), BLOCKS.replace("#include <malloc.h>", """
                #define _GNU_SOURCE
                #include <stddef.h>
                size_t malloc_usable_size(void *);
                """));
        Path program = folder.resolve("musl");
        List<String> line = new ArrayList<>(List.of("musl-gcc", "-o", program.toString(), source.toString()));
        if (statically) {
            line.add("-static");
        }
        assertThat(new ProcessBuilder(line).inheritIO().start().waitFor()).isZero();
        try (ToldProgram told = new ToldProgram(Map.of(), program.toString());
                Target target = Target.attach(told.pid)) {
            assertThatThrownBy(() -> MallocHeap.locate(target))
                    .isInstanceOf(UnsupportedTargetException.class)
                    .hasMessageContaining("musl (");
        }
    }

    /** A program that reserves much more than it uses, in three ways. */
    private static final String RESERVED = """
            #include <malloc.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <sys/mman.h>
            #include <unistd.h>
            int main(void) {
                char *mapped = mmap(0, 4L << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
                char *block = malloc(1 << 30), *zeros = calloc(1 << 20, 512);
                mapped[2L << 30] = block[100] = 1;
                printf("pid %d\\n", (int) getpid());
                printf("%p %ld\\n", block, (long) malloc_usable_size(block));
                printf("%p %ld\\n", zeros, (long) malloc_usable_size(zeros));
                puts("READY");
                fflush(stdout);
                pause();
            }
            """;

    /** To read a page that was never touched makes the kernel set up page tables for it: 2 MiB for each GiB. */
    @Test
    void memoryThatWasNeverTouchedIsLeftAlone() throws IOException {
        Path program = CProgram.compile("reserving", RESERVED);
        try (ToldProgram told = new ToldProgram(Map.of(), program.toString())) {
            long before = pageTableKilobytes(told.pid);
            for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                try (Target target = Target.attach(told.pid)) {
                    assertThat(ToldProgram.used(MallocHeap.locate(target, symbols)))
                            .containsAllEntriesOf(told.blocks);
                }
            }
            assertThat(pageTableKilobytes(told.pid)).isLessThan(before + 100);
        }
    }

    private static long pageTableKilobytes(long pid) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
                .filter(line -> line.startsWith("VmPTE:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
                .findFirst()
                .orElseThrow();
    }
}
