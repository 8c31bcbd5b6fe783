// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import com.fasterxml.jackson.databind.JsonNode;
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
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs that do not allocate by a shared glibc of this machine. */
final class OtherProgramsIT {
    private static final String ALLOCATES = """
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>
            int main(void) {
                for (int i = 0; i < 1000; i++) memset(malloc(100), 1, 100);
                memset(malloc(3 << 20), 1, 10);
                if (write(1, "READY\\n", 6) != 6) return 1;
                char c;
                while (read(0, &c, 1) > 0) {}
                return 0;
            }
            """;

    private static final String NO_MALLOC = """
            void _start(void) {
                __asm__ volatile("syscall" : : "a"(1L), "D"(1L), "S"("READY\\n"), "d"(6L) : "rcx", "r11", "memory");
                for (;;) __asm__ volatile("syscall" : : "a"(34L) : "rcx", "r11", "memory");
            }
            """;

    @TempDir
    private Path folder;

    private interface Check {
        void on(String pid) throws IOException;
    }

    private static void running(ProcessBuilder builder, boolean saysReady, Check check) throws Exception {
        Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try {
            if (saysReady) {
                assertThat(process.inputReader().readLine()).isEqualTo("READY");
            } else {
                sleeps(process);
            }
            check.on(Long.toString(process.pid()));
            assertThat(process.isAlive()).isTrue();
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    /** Waits until a program that waits for input has gone to sleep for it with all its threads. */
    private static void sleeps(Process process) throws Exception {
        Path stat = Path.of("/proc", Long.toString(process.pid()), "stat");
        String before = "";
        for (int calm = 0; calm < 5; ) {
            assertThat(process.isAlive()).isTrue();
            String now = Files.readString(stat);
            calm = now.equals(before) && now.contains(") S ") ? calm + 1 : 0;
            before = now;
            Thread.sleep(20);
        }
    }

    /** What was found is named, in one line, and nothing is listed. */
    private void refusedLiveAndDead(String pid, String... words) throws IOException {
        for (String mode : List.of("stop", "observe")) {
            Run run = Run.heapwalk("sizes", "--mode", mode, pid)
                    .exited(4)
                    .said("no glibc malloc", pid)
                    .said(words);
            assertThat(run.out()).isEmpty();
        }
        Path core = folder.resolve("core." + pid);
        Run.of(new ProcessBuilder("gcore", "-o", folder.resolve("core").toString(), pid))
                .exited(0);
        Run.heapwalk("sizes", core.toString()).exited(4).said(words).said(core.toString());
    }

    private Path built(String compiler, String source, String... options) throws IOException {
        Path file = Files.writeString(folder.resolve("other.c"), source);
        Path program = folder.resolve("other");
        List<String> line = new ArrayList<>(
                List.of(compiler, "-O1", "-fno-builtin-malloc", "-o", program.toString(), file.toString()));
        line.addAll(List.of(options));
        Run.of(new ProcessBuilder(line)).exited(0);
        return program;
    }

    /** A program on the machine's own musl is read, also where nothing tells of musl but its heap. */
    @ParameterizedTest
    @ValueSource(strings = {"", "-static", "-static -s"})
    void musl(String options) throws Exception {
        String source = ALLOCATES.replace("char c;", "free(malloc(1)); char c;");
        Path program = built("musl-gcc", source, options.isEmpty() ? new String[0] : options.split(" "));
        running(new ProcessBuilder(program.toString()), true, pid -> {
            Path core = folder.resolve("core." + pid);
            Run.of(new ProcessBuilder("gcore", "-o", folder.resolve("core").toString(), pid))
                    .exited(0);
            for (String target : List.of(pid, core.toString())) {
                List<JsonNode> used =
                        Run.heapwalk("used", "--format=jsonl", target).exited(0).rows();
                // Slots of 112 bytes, since 104 are needed.
                assertThat(used.stream().filter(row -> row.get("size").longValue() == 112))
                        .hasSizeGreaterThanOrEqualTo(1000);
                assertThat(used.stream().filter(row -> row.get("size").longValue() > 3 << 20))
                        .hasSize(1);
                assertThat(used).hasSizeLessThan(1010);
            }
        });
    }

    /** A program that frees nothing has a malloc without any books in it. */
    @Test
    void staticMuslThatFreesNothing() throws Exception {
        Path program = built("musl-gcc", ALLOCATES, "-static");
        running(
                new ProcessBuilder(program.toString()),
                true,
                pid -> refusedLiveAndDead(pid, "a program on musl (other)"));
        Run.of(new ProcessBuilder("strip", program.toString())).exited(0);
        // Nothing in it tells of musl any more.
        running(
                new ProcessBuilder(program.toString()),
                true,
                pid -> refusedLiveAndDead(pid, "none of its modules is glibc", "looks like main_arena"));
    }

    @Test
    void staticWithoutMalloc() throws Exception {
        Path program = built("gcc", NO_MALLOC, "-static", "-nostdlib");
        running(
                new ProcessBuilder(program.toString()),
                true,
                pid -> refusedLiveAndDead(pid, "none of its modules is glibc"));
    }

    @Test
    void thirtyTwoBits() throws Exception {
        if (!ThisMachine.runs32BitPrograms()) {
            String why = "the kernel runs no 32-bit programs";
            ThisMachine.leavesOut("refusing a live 32-bit process, and gdb's core of one", why);
            abort(why);
        }
        Path program = built("gcc", ALLOCATES, "-m32");
        running(new ProcessBuilder(program.toString()), true, pid -> refusedLiveAndDead(pid, "32-bit (i386)"));
    }

    @Test
    void thirtyTwoBitGuestOfQemu() throws Exception {
        Path core = guestCore("qemu-i386", built("gcc", ALLOCATES, "-m32"));
        Run.heapwalk("sizes", core.toString()).exited(4).said("32-bit (i386)", core.toString());
    }

    /** The core that an emulator writes where it works when its guest is ended by a signal. */
    private Path guestCore(String emulator, Path program) throws Exception {
        Process guest = new ProcessBuilder(
                        "sh",
                        "-c",
                        "ulimit -c unlimited && cd \"$1\" && exec \"$2\" \"$3\"",
                        "sh",
                        folder.toString(),
                        emulator,
                        program.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        assertThat(guest.inputReader().readLine()).isEqualTo("READY");
        Run.of(new ProcessBuilder("sh", "-c", "kill -ABRT " + guest.pid())).exited(0);
        guest.waitFor();
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.getFileName().toString().startsWith("qemu_"))
                    .findFirst()
                    .orElseThrow();
        }
    }

    /** A library that takes the place of malloc, and keeps no account of what it gave out. */
    private static final String OWN_MALLOC = """
            #include <stddef.h>
            #include <string.h>
            #include <sys/mman.h>
            static char *at, *end;
            static int lock;
            void *memalign(size_t alignment, size_t size) {
                while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE)) {}
                if (alignment < 16) alignment = 16;
                size_t need = size + alignment + 16;
                if ((size_t) (end - at) < need) {
                    size_t more = need > 1 << 24 ? need : 1 << 24;
                    at = mmap(0, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                    end = at + more;
                }
                char *block = (char *) (((size_t) at + 16 + alignment - 1) & -alignment);
                ((size_t *) block)[-1] = size;
                at = block + size;
                __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
                return block;
            }
            void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
            int posix_memalign(void **to, size_t alignment, size_t size) { *to = memalign(alignment, size); return 0; }
            void *malloc(size_t size) { return memalign(16, size); }
            void *calloc(size_t count, size_t size) { return memset(malloc(count * size), 0, count * size); }
            size_t malloc_usable_size(void *block) { return block ? ((size_t *) block)[-1] : 0; }
            void free(void *block) { (void) block; }
            void *realloc(void *block, size_t size) {
                size_t old = malloc_usable_size(block);
                return old >= size && block ? block : memcpy(malloc(size), block, old);
            }
            """;

    private Path ownMalloc() throws IOException {
        return ownMalloc("");
    }

    private Path ownMalloc(String more) throws IOException {
        Path source = Files.writeString(folder.resolve("own.c"), OWN_MALLOC + more);
        Path library = folder.resolve("libown.so");
        Run.of(new ProcessBuilder(
                        "gcc", "-O1", "-fno-builtin", "-shared", "-fPIC", "-o", library.toString(), source.toString()))
                .exited(0);
        return library;
    }

    @Test
    void anotherAllocator() throws Exception {
        ProcessBuilder builder =
                new ProcessBuilder(CProgram.compile("other", ALLOCATES).toString());
        builder.environment().put("LD_PRELOAD", ownMalloc().toString());
        running(
                builder,
                true,
                pid -> refusedLiveAndDead(
                        pid, "it allocates with an allocator of its own in libown", "malloc is unused"));
    }

    /** They are linked into programs, which may have lost their names, but not all that tells of them. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    const char *property(void) { return "tcmalloc.per_cpu_caches_active"; } | Google's tcmalloc | GetStats
                    const char *name(void) { return "partition_alloc/partitions"; } | PartitionAlloc | memory-infra
                    void *moz_arena_malloc(int a, size_t n) { (void) a; return malloc(n); } | mozjemalloc | about:memory
                    """, quoteCharacter = '@')
    void anAllocatorThatIsKnownByName(String more, String name, String tells) throws Exception {
        ProcessBuilder builder =
                new ProcessBuilder(CProgram.compile("other", ALLOCATES).toString());
        builder.environment().put("LD_PRELOAD", ownMalloc(more).toString());
        running(
                builder,
                true,
                pid -> refusedLiveAndDead(pid, "it allocates with " + name + " in libown", "malloc is unused", tells));
    }

    /** Such as version 4: it has the names of those that are read, but not what they have. */
    @Test
    void olderJemalloc() throws Exception {
        ProcessBuilder builder =
                new ProcessBuilder(CProgram.compile("other", ALLOCATES).toString());
        builder.environment()
                .put("LD_PRELOAD", ownMalloc("int mallctl(void) { return 0; }").toString());
        running(
                builder,
                true,
                pid -> Run.heapwalk("sizes", pid)
                        .exited(4)
                        .said("no jemalloc that is known", "libown", "malloc_stats_print and mallctl"));
    }

    private static final String COUNTS_OBJECTS = """
            $kept = [Object.new, "a text of some length" * 3, {1 => 2}, [1] * 30, :symbol, 1.0e300, 2**70, /x/]
            GC.start
            GC.disable
            counts = ObjectSpace.count_objects
            print counts.reject { |type, _| type == :TOTAL || type == :FREE }.map { |type, n| "#{type}=#{n}" }.join(" ") + "\n"
            STDOUT.flush
            sleep
            """;

    /** Its objects are known though what malloc gives it is not. */
    @Test
    void rubyOnAnotherAllocator() throws Exception {
        ruby(ownMalloc().toString(), (pid, told) -> {
            Run run = Run.heapwalk("summary", "--format=jsonl", pid).exited(0);
            run.said("notice", "only what CRuby manages is listed", "an allocator of its own in libown");
            assertThat(run.rows())
                    .allSatisfy(row -> assertThat(row.get("domain").textValue()).isEqualTo("ruby"));
            checkObjects(run.rows(), told);
            for (String command : List.of("free", "sizes", "arenas", "bins", "tcache")) {
                Run.heapwalk(command, pid).exited(4).said("no glibc malloc", "an allocator of its own");
            }
            assertThat(Run.heapwalk("used", "--format=jsonl", pid).exited(0).rows())
                    .allSatisfy(row -> assertThat(row.get("domain").textValue()).isEqualTo("ruby"));
        });
    }

    /** Its slots lie in pages that the allocator gave it, and are told in place of these. */
    @ParameterizedTest
    @ValueSource(strings = {"libjemalloc.so.2", "libtcmalloc_minimal.so.4"})
    void rubyOnAKnownAllocator(String library) throws Exception {
        ruby(library, (pid, told) -> {
            Run run = Run.heapwalk("summary", "--format=jsonl", pid).exited(0);
            assertThat(run.err()).isEmpty();
            checkObjects(run.rows(), told);
            assertThat(run.rows())
                    .anySatisfy(row -> assertThat(row.get("domain").textValue()).isNotEqualTo("ruby"));
            List<JsonNode> used =
                    Run.heapwalk("used", "--format=jsonl", pid).exited(0).rows();
            // A slot in a mapping of Ruby's own may lie before all blocks.
            TreeMap<Long, Long> blocks = new TreeMap<>(Map.of(0L, 0L));
            List<Long> slots = new ArrayList<>();
            for (JsonNode row : used) {
                long address = Long.decode(row.get("address").textValue());
                if (row.get("arena").longValue() >= 0) {
                    assertThat(blocks.put(address, address + row.get("size").longValue()))
                            .isNull();
                } else {
                    slots.add(address);
                }
            }
            assertThat(slots)
                    .isNotEmpty()
                    .allSatisfy(slot -> assertThat(blocks.floorEntry(slot).getValue())
                            .as("the end of the block before %x", slot)
                            .isLessThanOrEqualTo(slot));
            assertThat(used.size())
                    .isEqualTo(run.rows().stream()
                            .mapToInt(row -> row.get("count").intValue())
                            .sum());
            for (String command : List.of("free", "sizes", "arenas", "bins", "tcache")) {
                assertThat(Run.heapwalk(command, pid).exited(0).err()).isEmpty();
            }
        });
    }

    private static final String TWO_ALLOCATORS = """
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            void *__libc_malloc(size_t size);
            int main(void) {
                char text[100];
                for (int i = 0; i < 10; i++) {
                    int n = sprintf(text, "%p %p\\n", malloc(1000 + i), __libc_malloc(3000 + i));
                    if (write(1, text, n) != n) return 1;
                }
                if (write(1, "READY\\n", 6) != 6) return 1;
                char c;
                while (read(0, &c, 1) > 0) {}
                return 0;
            }
            """;

    /** Both are listed, so nothing is said to be missing. */
    @ParameterizedTest
    @ValueSource(strings = {"libjemalloc.so.2", "libtcmalloc_minimal.so.4"})
    void aKnownAllocatorBesideGlibc(String library) throws Exception {
        ProcessBuilder builder =
                new ProcessBuilder(CProgram.compile("two", TWO_ALLOCATORS).toString());
        builder.environment().put("LD_PRELOAD", library);
        Process process = builder.start();
        try {
            Map<Long, Long> told = new TreeMap<>();
            String line = process.inputReader().readLine();
            for (int i = 0; !line.equals("READY"); i++) {
                told.put(Long.decode(line.split(" ")[0]), 1000L + i);
                told.put(Long.decode(line.split(" ")[1]), 3000L + i);
                line = process.inputReader().readLine();
            }
            assertThat(told).hasSize(20);
            String pid = Long.toString(process.pid());
            Run run = Run.heapwalk("used", "--format=jsonl", pid).exited(0);
            assertThat(run.err()).isEmpty();
            for (JsonNode row : run.rows()) {
                Long requested = told.remove(Long.decode(row.get("address").textValue()));
                if (requested != null) {
                    assertThat(row.get("size").longValue()).isBetween(requested, requested + 1024);
                }
            }
            assertThat(told).isEmpty();
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private interface RubyCheck {
        /** Looks at a Ruby that has told how many objects of each type it has. */
        void on(String pid, Map<String, Long> told) throws IOException;
    }

    private void ruby(String library, RubyCheck check) throws Exception {
        Path script = Files.writeString(folder.resolve("counts.rb"), COUNTS_OBJECTS);
        ProcessBuilder builder = new ProcessBuilder("ruby", "--disable-gems", script.toString());
        builder.environment().put("LD_PRELOAD", library);
        Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try {
            Map<String, Long> told = new TreeMap<>();
            for (String word : process.inputReader().readLine().split(" ")) {
                told.put(word.substring(0, word.indexOf('=')), Long.valueOf(word.substring(word.indexOf('=') + 1)));
            }
            sleeps(process);
            assertThat(told.get("T_OBJECT")).isPositive();
            check.on(Long.toString(process.pid()), told);
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private static void checkObjects(List<JsonNode> summary, Map<String, Long> told) {
        Map<String, Long> listed = new TreeMap<>();
        for (JsonNode row : summary) {
            String detail = row.get("detail").textValue();
            String type = detail.split(" ")[0];
            // What objects own of the allocator's blocks is told beside them.
            if (row.get("domain").textValue().equals("ruby") && type.startsWith("T_") && !detail.endsWith(" buffer")) {
                listed.merge(type, row.get("count").longValue(), Long::sum);
            }
        }
        // What it made after it had counted: the counts themselves, and the line that tells them.
        assertThat(told.keySet()).isEqualTo(listed.keySet());
        told.forEach((type, count) -> assertThat(listed.get(type))
                .as(type)
                .isBetween(
                        count,
                        count
                                + (Set.of("T_STRING", "T_ARRAY", "T_HASH", "T_IMEMO")
                                                .contains(type)
                                        ? 100
                                        : 2)));
    }

    @Test
    void goProgram() throws Exception {
        running(
                new ProcessBuilder("gojq", "."),
                false,
                pid -> refusedLiveAndDead(pid, "a Go program (gojq)", "GODEBUG=gctrace=1"));
    }

    /** One that is linked with glibc has a heap of either kind. */
    @Test
    void goProgramWithGlibc() throws Exception {
        running(new ProcessBuilder("fzf", "-f", "x"), false, pid -> {
            Run run = Run.heapwalk("used", "--format=jsonl", pid).exited(0);
            run.said("notice", "Go's own allocator in fzf", "only what glibc's malloc holds");
            // What starting threads takes: a cache, and a vector of thread-local storage for each thread.
            assertThat(run.rows())
                    .isNotEmpty()
                    .allSatisfy(row -> assertThat(row.get("kind").textValue()).isIn("tcache", "dtv"));
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"-static", "-static -s", "-static-pie", "-static-pie -s"})
    void staticGlibc(String options) throws Exception {
        Path program = KnownProcess.program(options.split(" "));
        try (KnownProcess known = KnownProcess.start(List.of(program.toString()))) {
            assertThat(Files.readString(Path.of("/proc", known.pid(), "maps"))).doesNotContain("libc.so");
            // A static program's C library allocates the names of folders with libraries before main.
            KnownBlocks.areListed(known, 12);
        }
    }

    @Test
    void guestOfQemu() throws Exception {
        try (LedgerProcess process =
                LedgerProcess.of(Release.HOST, "threads").aarch64().start()) {
            Ledger ledger = process.ledger();
            Path core = Cores.abort(process, folder);
            Run run = Run.heapwalk("used", "--format=jsonl", core.toString(), "--sysroot", "/usr/aarch64-linux-gnu")
                    .exited(0);
            Map<Long, JsonNode> used = new TreeMap<>();
            for (JsonNode row : run.rows()) {
                assertThat(used.put(Long.decode(row.get("address").textValue()), row))
                        .isNull();
            }
            for (Ledger.Block block : ledger.live()) {
                JsonNode row = used.remove(block.address());
                assertThat(row).as("used has %s", block).isNotNull();
                assertThat(row.get("size").longValue() - block.usable())
                        .isEqualTo(row.get("mmapped").booleanValue() ? 16 : 8);
            }
            ledger.threads().forEach(thread -> used.remove(thread.dtv() - 16));
            assertThat(used.values())
                    .as("besides: thread caches")
                    .allSatisfy(row -> assertThat(row.get("kind").textValue()).isEqualTo("tcache"));
            assertThat(used).hasSize((int)
                    ledger.threads().stream().filter(Ledger.LedgerThread::lives).count());
        }
    }
}
