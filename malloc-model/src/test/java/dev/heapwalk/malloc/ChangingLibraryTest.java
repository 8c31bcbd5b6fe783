// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.heap.usage.UsageTotals;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The C library's file is cut short and written again all the time while the heap of a process with it is summed up.
 */
class ChangingLibraryTest {
    private static final int SUMMARIES = 60;
    private static final String SOURCE = """
            #include <stdio.h>
            #include <stdlib.h>
            #include <unistd.h>
            static void *volatile kept;
            int main(void) {
                FILE *maps = fopen("/proc/self/maps", "r");
                static char line[4096], path[4096];
                while (fgets(line, sizeof line, maps))
                    if (sscanf(line, "%*s %*s %*s %*s %*s %4000[^\\n]", path) == 1 && path[0] == '/') puts(path);
                for (int i = 0; i < 1000; i++) kept = malloc(100);
                puts("ready");
                fflush(stdout);
                for (;;) pause();
            }
            """;

    @TempDir
    private Path folder;

    private static long used(long pid) {
        try (Target target = Target.observe(pid)) {
            return UsageTotals.of(UsageCursor.over(Heaps.of(MallocHeap.locate(target)))).list().stream()
                    .mapToLong(UsageTotals.Total::bytes)
                    .sum();
        }
    }

    private static void rewrite(Path file, AtomicBoolean ended) {
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            byte[] content = Files.readAllBytes(file);
            for (int round = 0; !ended.get(); round++) {
                out.setLength((long) content.length * (round % 4) / 4);
                out.seek(0);
                out.write(content);
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void theSummaryIsTheSame() throws Exception {
        Path program = CProgram.compile("library", SOURCE);
        Path original = Path.of("/lib/x86_64-linux-gnu/libc.so.6").toRealPath();
        Path copy = Files.copy(original, folder.resolve("libc.so.6"));
        ProcessBuilder builder = new ProcessBuilder(program.toString());
        builder.environment().put("LD_LIBRARY_PATH", folder.toString());
        Process process = builder.start();
        try (BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
            assertThat(out.lines().takeWhile(line -> !line.equals("ready"))).contains(copy.toString());
            long used = used(process.pid());
            assertThat(used).isGreaterThan(100_000);
            // The process goes on with what it has mapped; what lies there now is a copy.
            Files.move(Files.copy(copy, folder.resolve("other")), copy, StandardCopyOption.REPLACE_EXISTING);
            AtomicBoolean ended = new AtomicBoolean();
            CompletableFuture<Void> rewriter = CompletableFuture.runAsync(() -> rewrite(copy, ended));
            try {
                for (int i = 0; i < SUMMARIES; i++) {
                    assertThat(used(process.pid())).isEqualTo(used);
                }
            } finally {
                ended.set(true);
                rewriter.join();
            }
        } finally {
            process.destroyForcibly();
        }
    }
}
