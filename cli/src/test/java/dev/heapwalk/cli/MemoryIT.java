// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.fasterxml.jackson.databind.JsonNode;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Grandchild;
import dev.heapwalk.testkit.HugePages;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.Rollup;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import dev.heapwalk.testkit.ThisMachine;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The command memory: its parts add up to what the kernel counts. */
final class MemoryIT {
    private static long sum(List<JsonNode> rows, String field) {
        return rows.stream().mapToLong(row -> row.path(field).longValue()).sum();
    }

    /** The rows about owners, which add up to what the kernel counts. */
    private static List<JsonNode> owners(long pid) throws Exception {
        Run run =
                Run.heapwalk("memory", "--format", "jsonl", Long.toString(pid)).exited(0);
        List<JsonNode> owners =
                run.rows().stream().filter(row -> row.has("owner")).toList();
        Map<String, Long> counts = Rollup.of(pid);
        assertThat(sum(owners, "resident_bytes")).isEqualTo(counts.get("Rss"));
        assertThat(sum(owners, "own_bytes")).isEqualTo(counts.get("Anonymous"));
        assertThat(sum(owners, "swapped_bytes")).isEqualTo(counts.get("Swap"));
        Map<String, Long> status = Rollup.status(pid);
        assertThat((double) sum(owners, "resident_bytes")).isCloseTo(status.get("VmRSS"), withinPercentage(1));
        assertThat(run.lines())
                .contains(
                        count("page tables", status.get("VmPTE")),
                        count("pages of hugetlbfs", status.get("HugetlbPages")));
        assertThat(owners)
                .allSatisfy(row -> assertThat(row.get("resident_bytes").longValue())
                        .isBetween(0L, row.get("mapped_bytes").longValue()));
        return owners;
    }

    private static String count(String name, long bytes) {
        return "{\"count\":\"%s\",\"bytes\":%d}".formatted(name, bytes);
    }

    private static long mapped(List<JsonNode> owners, String name, String part) {
        return sum(
                owners.stream()
                        .filter(row -> row.get("owner").textValue().equals("heap")
                                && row.get("name").textValue().equals(name)
                                && row.get("part").textValue().equals(part))
                        .toList(),
                "mapped_bytes");
    }

    static List<Release> releases() {
        return Release.all();
    }

    @ParameterizedTest
    @MethodSource("releases")
    void addsUpForMalloc(Release release) throws Exception {
        for (String scenario : List.of("threads", "arenas")) {
            try (LedgerProcess process = LedgerProcess.of(release, scenario).start()) {
                List<JsonNode> owners = owners(process.pid());
                String pid = Long.toString(process.pid());
                assertThat(mapped(owners, "glibc's malloc", "in use")
                                + mapped(owners, "glibc's malloc", "in use, mmapped"))
                        .isEqualTo(sum(
                                Run.heapwalk("used", "--format", "jsonl", pid)
                                        .exited(0)
                                        .rows(),
                                "size"));
                assertThat(owners)
                        .anySatisfy(
                                row -> assertThat(row.get("owner").textValue()).isEqualTo("stacks of threads"));
                assertThat(Run.heapwalk("memory", pid).exited(0).text())
                        .contains("glibc's malloc", "  in use", "TOTAL", "Given back by a trim");
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void addsUpForOtherAllocators(Release release) throws Exception {
        for (String library : List.of("libjemalloc.so.2", "libtcmalloc_minimal.so.4")) {
            try (LedgerProcess process =
                    LedgerProcess.of(release, "threads").preload(library).start()) {
                assertThat(owners(process.pid()))
                        .anySatisfy(
                                row -> assertThat(row.get("name").textValue()).contains(library.substring(3, 11)));
            }
        }
    }

    static List<Python> pythons() {
        return Python.debian();
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void addsUpForPython(Python python) throws Exception {
        try (PythonProcess process =
                PythonProcess.of(python).script("frames.py").start()) {
            assertThat(mapped(owners(process.pid()), "CPython", "in use")).isPositive();
        }
    }

    @Test
    void addsUpForRuby() throws Exception {
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start()) {
            assertThat(mapped(owners(process.pid()), "CRuby", "in use")).isPositive();
        }
    }

    @Test
    void addsUpWhereNoHeapIsKnown() throws Exception {
        Path program = CProgram.compile("no-heap", """
                static volatile char written[50000];
                static long call(long number, long a, long b, long c)
                {
                    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
                    return number;
                }
                void _start(void)
                {
                    for (int i = 0; i < 50000; i += 100)
                        written[i] = 1;
                    call(1, 1, (long) "ready\\n", 6);
                    for (;;)
                        call(34, 0, 0, 0);
                }
                """, "-static", "-nostdlib");
        Grandchild process = Grandchild.start(new ProcessBuilder(program.toString()));
        try {
            assertThat(process.inputReader().readLine()).isEqualTo("ready");
            assertThat(owners(process.pid())).anySatisfy(row -> {
                assertThat(row.get("owner").textValue()).isEqualTo("program and libraries");
                assertThat(row.get("part").textValue()).isEqualTo("written");
            });
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void saysWhatATrimGivesBackAndTheProgramCallsIt() throws Exception {
        Path program = CProgram.compile("kept-free", """
                #include <malloc.h>
                #include <stdlib.h>
                #include <string.h>
                #include <unistd.h>
                static char *held[15000];
                int main(void)
                {
                    char c;
                    for (int i = 0; i < 15000; i++)
                        memset(held[i] = malloc(4000), 1, 4000);
                    for (int i = 0; i < 15000; i++)
                        if (i % 8) free(held[i]);
                    write(1, "ready\\n", 6);
                    read(0, &c, 1);
                    malloc_trim(0);
                    write(1, "ready\\n", 6);
                    while (read(0, &c, 1) > 0)
                        ;
                    return 0;
                }
                """);
        Grandchild process = Grandchild.start(new ProcessBuilder(program.toString()));
        try {
            BufferedReader lines = process.inputReader();
            assertThat(lines.readLine()).isEqualTo("ready");
            List<JsonNode> rows = Run.heapwalk("memory", "--format", "jsonl", Long.toString(process.pid()))
                    .exited(0)
                    .rows();
            JsonNode said = rows.stream()
                    .filter(row -> row.path("finding").asText().equals("given_back_by_trim"))
                    .findFirst()
                    .orElseThrow();
            assertThat(rows.stream().map(row -> row.path("finding").asText()))
                    .contains("free_between_used")
                    .doesNotContain("in_use", "elsewhere", "kept_in_tops", "cached");
            assertThat(Run.heapwalk("memory", Long.toString(process.pid()))
                            .exited(0)
                            .text())
                    .contains("malloc_trim(0) would give it back: that is no leak.");
            long before = Rollup.of(process.pid()).get("Rss");
            process.getOutputStream().write('t');
            process.getOutputStream().flush();
            assertThat(lines.readLine()).isEqualTo("ready");
            long after = Rollup.of(process.pid()).get("Anonymous");
            assertThat(said.get("percent").longValue()).isBetween(60L, 90L);
            assertThat(said.get("bytes").longValue()).isEqualTo(own(rows) - after);
            assertThat(sum(rows, "trim_bytes")).isEqualTo(said.get("bytes").longValue());
            assertThat(sum(rows, "resident_bytes")).isEqualTo(before);
        } finally {
            process.destroyForcibly();
        }
    }

    /** Each thread once used much of its stack, without touching most of it; some stacks lie side by side in one mapping. */
    @ParameterizedTest
    @MethodSource("releases")
    void tellsHowDeepStacksAre(Release release) throws Exception {
        String program = CProgram.portableSource("stacks", """
                #define _GNU_SOURCE
                #include <alloca.h>
                #include <pthread.h>
                #include <stdio.h>
                #include <sys/mman.h>
                #include <sys/syscall.h>
                #include <unistd.h>
                #define PAGE 4096L
                static pthread_barrier_t barrier;
                static long __attribute__((noinline)) deep(long bytes)
                {
                    volatile char *lowest = alloca(bytes);
                    lowest[0] = 1;
                    return (long) lowest;
                }
                static void use(long bytes)
                {
                    long lowest = bytes ? deep(bytes) : (long) __builtin_frame_address(0) - PAGE / 2;
                    pthread_attr_t attributes;
                    void *start = 0;
                    size_t size = 0;
                    char line[80];
                    // Of the first one glibc leaves out arguments and environment.
                    if (syscall(SYS_gettid) != getpid()) {
                        pthread_getattr_np(pthread_self(), &attributes);
                        pthread_attr_getstack(&attributes, &start, &size);
                    }
                    write(1, line, sprintf(line, "%ld %ld\\n", (long) syscall(SYS_gettid),
                            (long) start + (long) size - (lowest & -PAGE)));
                    pthread_barrier_wait(&barrier);
                }
                static void *thread(void *bytes)
                {
                    use((long) bytes);
                    pause();
                    return bytes;
                }
                int main(void)
                {
                    pthread_t id;
                    pthread_attr_t attributes;
                    pthread_barrier_init(&barrier, 0, 6);
                    for (int i = 0; i < 3; i++) {
                        pthread_attr_init(&attributes);
                        pthread_attr_setstacksize(&attributes, 4 << 20);
                        if (i) pthread_attr_setguardsize(&attributes, 0);
                        pthread_create(&id, &attributes, thread, (void *) ((1L + i) << 20));
                    }
                    pthread_attr_init(&attributes);
                    pthread_attr_setstack(&attributes,
                            mmap(0, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 2 << 20);
                    pthread_create(&id, &attributes, thread, (void *) (1L << 20));
                    pthread_create(&id, 0, thread, (void *) (5L << 20));
                    use(2 << 20);
                    write(1, "ready\\n", 6);
                    for (;;) pause();
                }
                """, "-pthread").install(release, false);
        Grandchild process = Grandchild.start(new ProcessBuilder(release.command(false, List.of(program))));
        try {
            Map<Long, Long> told = new HashMap<>();
            for (String line = process.inputReader().readLine();
                    !line.equals("ready");
                    line = process.inputReader().readLine()) {
                String[] words = line.split(" ");
                told.put(Long.parseLong(words[0]), Long.parseLong(words[1]));
            }
            List<JsonNode> rows = Run.heapwalk("memory", "--format", "jsonl", Long.toString(process.pid()))
                    .exited(0)
                    .rows();
            long endOfStack = Files.readAllLines(Path.of("/proc/%d/maps".formatted(process.pid()))).stream()
                    .filter(line -> line.endsWith("[stack]"))
                    .mapToLong(line -> Long.parseLong(line.split("[- ]")[1], 16))
                    .sum();
            List<JsonNode> stacks =
                    rows.stream().filter(row -> row.has("stack_depth_bytes")).toList();
            assertThat(stacks).hasSize(6).allSatisfy(row -> {
                long tid = row.get("tid").longValue();
                long depth = row.get("stack_depth_bytes").longValue();
                assertThat(depth).isEqualTo(told.get(tid) + (tid == process.pid() ? endOfStack : 0));
                assertThat(row.get("stack_resident_bytes").longValue()).isLessThan(64 << 10);
            });
            assertThat(rows.stream()
                            .filter(row -> row.path("owner").asText().equals("stacks of threads"))
                            .mapToLong(row -> row.get("resident_bytes").longValue()))
                    .hasSize(6)
                    .allSatisfy(resident -> assertThat(resident).isPositive());
        } finally {
            process.destroyForcibly();
        }
    }

    private static long own(List<JsonNode> rows) {
        return sum(rows, "own_bytes");
    }

    /** The kernel counts them apart, in no mapping's {@code Rss}. */
    @Test
    void hugePagesThatWereReservedStandBesideTheSum() throws Exception {
        Path program = CProgram.compile("huge-pages", """
                #include <stdio.h>
                #include <sys/mman.h>
                #include <unistd.h>
                static char *map(int flags)
                {
                    return mmap(0, 4 << 20, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
                }
                int main(void)
                {
                    char *own = map(MAP_PRIVATE), *shared = map(MAP_SHARED);
                    if (own == MAP_FAILED || shared == MAP_FAILED) return 1;
                    own[0] = own[2 << 20] = shared[0] = 1;
                    write(1, "ready\\n", 6);
                    for (;;) pause();
                }
                """);
        try (HugePages reserved = HugePages.reserve(4)) {
            if (!reserved.enough()) {
                ThisMachine.leavesOut("reserved huge pages beside the sum of memory", "none can be reserved");
                return;
            }
            Grandchild process = Grandchild.start(new ProcessBuilder(program.toString()));
            try {
                assertThat(process.inputReader().readLine()).isEqualTo("ready");
                assertThat(sum(owners(process.pid()), "hugetlb_bytes"))
                        .isPositive()
                        .isEqualTo(Rollup.status(process.pid()).get("HugetlbPages"));
            } finally {
                process.destroyForcibly();
                process.waitFor();
            }
        }
    }

    /** A process and its children, which keep on waiting. */
    private record Family(Grandchild parent, List<Long> pids) implements AutoCloseable {
        static Family start(String... line) throws IOException {
            Grandchild parent = Grandchild.start(new ProcessBuilder(line));
            try {
                List<Long> pids = new ArrayList<>();
                BufferedReader lines = parent.inputReader();
                for (int i = 0; i < 3; i++) {
                    pids.add(Long.parseLong(lines.readLine()));
                }
                return new Family(parent, pids);
            } catch (RuntimeException | IOException e) {
                parent.destroyForcibly();
                throw e;
            }
        }

        Run memory(String... options) {
            List<String> line = new ArrayList<>(List.of("memory"));
            line.addAll(List.of(options));
            pids.forEach(pid -> line.add(Long.toString(pid)));
            return Run.heapwalk(line.toArray(String[]::new)).exited(0);
        }

        @Override
        public void close() {
            pids.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
            parent.destroyForcibly();
        }
    }

    /** Linked without libraries, whose pages other programs on the machine have too, now and then. */
    @Test
    void tellsWhatAForkedServerSharesAndAddsItUp() throws Exception {
        Path program = CProgram.compile("forks", """
                #include <stdio.h>
                #include <stdlib.h>
                #include <string.h>
                #include <unistd.h>
                #define EACH 600
                int main(void)
                {
                    static char *texts[EACH], *others[EACH];
                    for (int i = 0; i < EACH; i++)
                        memset(texts[i] = calloc(6000, 1), 'a', 5999);
                    for (int i = 0; i < EACH; i++)
                        memset(others[i] = malloc(7000), 1, 7000);
                    for (int child = 0; child < 2; child++)
                        if (fork() == 0) {
                            for (int i = 0; i < EACH; i++)
                                memset(others[i], 2, 7000);
                            char line[20];
                            write(1, line, sprintf(line, "%d\\n", getpid()));
                            for (;;) pause();
                        }
                    char line[20];
                    write(1, line, sprintf(line, "%d\\n", getpid()));
                    for (;;) pause();
                }
                """, "-static");
        // Pages of a file that has just been written count as dirty too.
        try (FileChannel file = FileChannel.open(program, StandardOpenOption.READ)) {
            file.force(true);
        }
        long texts = 600 * 6016;
        long others = 600 * 7008;
        try (Family family = Family.start(program.toString())) {
            for (long pid : family.pids()) {
                if (pid == family.parent().pid()) {
                    continue;
                }
                List<JsonNode> rows = Run.heapwalk("memory", "--format", "jsonl", Long.toString(pid))
                        .exited(0)
                        .rows();
                // Where one kind of block ends and the other begins they have a page in common.
                assertThat(category(rows, "string data", "forked_bytes")).isCloseTo(texts, within(8192L));
                assertThat(category(rows, "string data", "kept_bytes")).isCloseTo(0L, within(8192L));
                assertThat(category(rows, "7008 bytes", "kept_bytes")).isCloseTo(others, within(8192L));
                assertThat(category(rows, "7008 bytes", "forked_bytes")).isCloseTo(0L, within(8192L));
                assertThat(sum(rows, "own_shared_bytes"))
                        .isEqualTo(Rollup.of(pid).get("Shared_Dirty"));
            }
            List<JsonNode> rows = family.memory("--format", "jsonl").rows();
            long wanted = 0;
            for (long pid : family.pids()) {
                wanted += Rollup.of(pid).get("Pss");
            }
            List<JsonNode> owners =
                    rows.stream().filter(row -> row.has("owner")).toList();
            List<JsonNode> members = rows.stream().filter(row -> row.has("pid")).toList();
            assertThat(sum(owners, "pss_bytes")).isCloseTo(wanted, within(100L));
            assertThat(sum(members, "pss_bytes")).isCloseTo(wanted, within(100L));
            assertThat(members.stream().map(row -> row.get("pid").longValue()))
                    .containsExactlyElementsOf(family.pids());
            long inUse = owners.stream()
                    .filter(row -> row.get("name").textValue().equals("glibc's malloc")
                            && row.get("part").textValue().equals("in use"))
                    .mapToLong(row -> row.get("pss_bytes").longValue())
                    .sum();
            assertThat((double) inUse).isCloseTo(texts + 3 * others, withinPercentage(1));
            assertThat(family.memory().text()).contains("PSS", "Still shared since a fork", "TOTAL");
        }
    }

    private static long category(List<JsonNode> rows, String name, String field) {
        return sum(
                rows.stream()
                        .filter(row -> row.path("kind").asText().equals(name)
                                || row.path("detail").asText().equals(name))
                        .toList(),
                field);
    }

    @Test
    void tellsByCategoryWhatForkedRubyAndPythonShare() throws Exception {
        try (Family ruby = Family.start("ruby", "-e", """
                $stdout.sync = true
                kept = Array.new(50_000) { |i| "the text number #{i}, which is long enough for a buffer" }
                GC.start
                GC.disable
                2.times { fork { 10_000.times { |i| kept[i] << "and more" }; puts $$; sleep } }
                puts $$
                sleep
                """)) {
            sharesSomeAndHasSome(ruby, "T_STRING buffer");
        }
        try (Family python = Family.start("python3", "-c", """
                import gc, os, time
                kept = [bytearray(600) for i in range(20000)]
                gc.freeze()
                for child in range(2):
                    if os.fork() == 0:
                        for one in kept[:5000]:
                            one[:] = b'x' * 600
                        os.write(1, b'%d\\n' % os.getpid())
                        time.sleep(1000)
                os.write(1, b'%d\\n' % os.getpid())
                time.sleep(1000)
                """)) {
            sharesSomeAndHasSome(python, "bytearray buffer");
        }
    }

    private static void sharesSomeAndHasSome(Family family, String detail) {
        for (long pid : family.pids()) {
            if (pid != family.parent().pid()) {
                List<JsonNode> rows = Run.heapwalk("memory", "--format", "jsonl", Long.toString(pid))
                        .exited(0)
                        .rows();
                assertThat(category(rows, detail, "forked_bytes")).isGreaterThan(1 << 20);
                assertThat(category(rows, detail, "kept_bytes")).isGreaterThan(1 << 18);
            }
        }
    }

    @Test
    void tellsOfACoreWhatIsMapped(@TempDir Path folder) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(Release.HOST, "threads").start()) {
            Path core = Cores.gcore(process, folder);
            Run run =
                    Run.heapwalk("memory", "--format", "jsonl", core.toString()).exited(0);
            assertThat(run.err()).contains("what is in memory is not known of core file");
            assertThat(mapped(run.rows(), "glibc's malloc", "in use"))
                    .isEqualTo(mapped(owners(process.pid()), "glibc's malloc", "in use"));
            // For people too.
            long inUse = mapped(run.rows(), "glibc's malloc", "in use");
            assertThat(Run.heapwalk("memory", core.toString()).exited(0).text())
                    .contains("Mapped", "glibc's malloc")
                    .containsPattern("  in use +%,d ".formatted(inUse));
        }
    }
}
