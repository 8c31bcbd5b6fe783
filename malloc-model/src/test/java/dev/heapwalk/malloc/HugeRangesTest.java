// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Release;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Processes that say of themselves that they are huge, or are so by their mappings alone: what is searched follows from
 * what there is.
 */
class HugeRangesTest {
    private static final Duration BOUND = Duration.ofMinutes(1);
    private static final long HUGE = 1L << 44;
    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <elf.h>
            #include <fcntl.h>
            #include <link.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <unistd.h>
            static int lie(struct dl_phdr_info *info, size_t size, void *data) {
                Elf64_Phdr *headers = (Elf64_Phdr *) info->dlpi_phdr;
                long page = (long) headers & -4096L;
                if (strstr(info->dlpi_name, "libc.so") || !*info->dlpi_name) {
                    if (mprotect((void *) page, 4096, PROT_READ | PROT_WRITE)) exit(3);
                    for (int i = 0; i < info->dlpi_phnum; i++)
                        if (headers[i].p_type == PT_LOAD && headers[i].p_flags & PF_W) {
                            headers[i].p_memsz = 1L << 44;
                            ++*(int *) data;
                        }
                }
                return 0;
            }
            int main(int argc, char **argv) {
                int told = 0;
                char *kept = malloc(4711);
                if (!strcmp(argv[1], "headers")) {
                    dl_iterate_phdr(lie, &told);
                    if (told != 2) return 2;
                }
                for (int i = 0; i < 60 && !strcmp(argv[1], "reserves"); i++) {
                    char *at = mmap(0, 1L << 41, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
                    if (at == MAP_FAILED) return 4;
                    at[(1L << 41) - 4096 * (i + 1)] = 1;
                }
                for (int i = 0; i < 60000 && !strcmp(argv[1], "many"); i++) {
                    char *at = mmap(0, 4096, PROT_READ | (i % 2 ? PROT_WRITE : 0), MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                    if (at == MAP_FAILED) return 5;
                    if (i % 2) *at = 1;
                }
                if (!strcmp(argv[1], "file")) {
                    int fd = open("/proc/self/exe", O_RDONLY);
                    char *at = mmap(0, 1L << 40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 4096);
                    if (at == MAP_FAILED) return 6;
                    *(void **) at = kept;
                    kept = at;
                }
                printf("%lx\\n", (long) kept);
                fflush(stdout);
                for (;;) pause();
            }
            """;

    @TempDir
    private Path folder;

    private interface Look {
        void at(long pid, long kept) throws Exception;
    }

    private static void with(String what, Look look) throws Exception {
        Process process = new ProcessBuilder(CProgram.compile("huge", SOURCE).toString(), what).start();
        try (BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
            look.at(process.pid(), Long.parseLong(out.readLine(), 16));
        } finally {
            process.destroyForcibly();
        }
    }

    private static void locates(Target target, long kept) {
        assertThat(MallocHeap.locate(target).blockAt(kept).orElseThrow().usableSize())
                .isEqualTo(4712);
    }

    @ParameterizedTest
    @ValueSource(strings = {"headers", "reserves", "many"})
    void findsTheHeapOfAProcess(String what) throws Exception {
        with(
                what,
                (pid, kept) -> assertTimeoutPreemptively(BOUND, () -> {
                    try (Target target = Target.observe(pid)) {
                        locates(target, kept);
                    }
                }));
    }

    @Test
    void findsTheHeapOfACore() throws Exception {
        with("headers", (pid, kept) -> {
            Path core = Cores.gcore(Release.HOST, pid, folder);
            long last = stretch(core);
            assertTimeoutPreemptively(BOUND, () -> {
                try (Target target = Target.core(core)) {
                    assertThat(target.memory().mappings().at(last + HUGE - 1)).isPresent();
                    locates(target, kept);
                }
            });
        });
    }

    @Test
    void scansWhatIsThere() throws Exception {
        with("headers", (pid, kept) -> {
            Path core = Cores.gcore(Release.HOST, pid, folder);
            long start = stretch(core);
            assertTimeoutPreemptively(BOUND, () -> {
                for (Target each : new Target[] {Target.observe(pid), Target.core(core)}) {
                    try (Target target = each) {
                        long words = 0;
                        WordScan scan = new WordScan(target.memory(), new Range(start, start + HUGE), 0);
                        while (scan.next()) {
                            words += scan.count();
                        }
                        assertThat(words).isBetween(1L, 1L << 24);
                        try (var pointers = target.memory()
                                .pointers(
                                        Ranges.exactly(new long[] {start}, new long[] {start + HUGE}),
                                        Ranges.exactly(new long[] {kept}, new long[] {kept + 1}))) {
                            while (pointers.next()) {
                                words++;
                            }
                            assertThat(pointers.leftOutBytes()).isBetween(HUGE - (1L << 30), HUGE);
                        }
                    }
                }
            });
        });
    }

    /** Has a core say that its heap is huge; returns where that begins. */
    private static long stretch(Path core) throws IOException {
        try (FileChannel file = FileChannel.open(core, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer header = read(file, 0, 64);
            for (int i = 0; i < header.getShort(56); i++) {
                long at = header.getLong(32) + 56L * i;
                ByteBuffer segment = read(file, at, 56);
                boolean writable = segment.getInt(0) == 1 && (segment.getInt(4) & 2) != 0;
                ByteBuffer next = read(file, at + 56, 56);
                if (writable && next.getInt(0) == 1 && next.getLong(16) - segment.getLong(16) > HUGE) {
                    file.write(
                            ByteBuffer.allocate(8)
                                    .order(ByteOrder.LITTLE_ENDIAN)
                                    .putLong(HUGE)
                                    .flip(),
                            at + 40);
                    return segment.getLong(16);
                }
            }
        }
        throw new AssertionError("no segment of the core has room behind it");
    }

    private static ByteBuffer read(FileChannel file, long at, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        file.read(bytes, at);
        return bytes;
    }

    /** Behind the end of its file nothing of a mapping can be read. */
    @Test
    void scansAMappingAsFarAsItsFileReaches() throws Exception {
        with(
                "file",
                (pid, start) -> assertTimeoutPreemptively(BOUND, () -> {
                    long size = 1L << 40;
                    long inFile = (Files.size(Path.of("/proc/" + pid + "/exe")) - 4096 + 4095) & -4096;
                    try (Target target = Target.observe(pid)) {
                        long bytes = 0;
                        WordScan scan = new WordScan(target.memory(), new Range(start, start + size), 0);
                        while (scan.next()) {
                            bytes += 8L * scan.count();
                        }
                        assertThat(bytes).isEqualTo(inFile);
                        long kept = target.memory().readLong(start);
                        try (var pointers = target.memory()
                                .pointers(
                                        Ranges.exactly(new long[] {start}, new long[] {start + size}),
                                        Ranges.exactly(new long[] {kept}, new long[] {kept + 1}))) {
                            assertThat(pointers.next()).isTrue();
                            assertThat(pointers.address()).isEqualTo(start);
                            assertThat(pointers.next()).isFalse();
                            assertThat(pointers.leftOutBytes()).isEqualTo(size - inFile);
                        }
                    }
                }));
    }
}
