// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** That no command makes memory of a process resident. The kernel tells how much of it is. */
final class GrowthIT {
    /**
     * A heap that was never touched; or one of which most was freed and given back, in the main arena and in another.
     */
    private static final String SOURCE = """
            #include <malloc.h>
            #include <pthread.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <unistd.h>
            static void *some(void *unused) {
                static void *blocks[20000];
                for (int i = 0; i < 20000; i++) memset(blocks[i] = malloc(3000 + i % 6000), i | 1, 3000);
                for (int i = 0; i < 20000; i++) if (i % 10) free(blocks[i]);
                return unused;
            }
            static void *stays(void *unused) {
                static void *blocks[4000];
                for (int i = 0; i < 4000; i++) memset(blocks[i] = malloc(9000), i | 1, 9000);
                for (int i = 0; i < 4000; i++) if (i % 10) free(blocks[i]);
                malloc_trim(0);
                puts("ready");
                fflush(stdout);
                for (;;) pause();
                return unused;
            }
            int main(int argc, char **argv) {
                static void *last;
                if (argc > 1 && !strcmp(argv[1], "untouched")) {
                    for (int i = 0; i < 30000; i++) last = malloc(16300);
                } else {
                    some(0);
                }
                void *large = malloc(100 << 20);
                mmap(0, 256 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                printf("%d %lx\\n", getpid(), (long) (argc > 1 ? last : large));
                pthread_t thread;
                pthread_create(&thread, 0, stays, 0);
                for (;;) pause();
            }
            """;

    private interface Look {
        void at(long pid, String address) throws IOException;
    }

    /** How much memory of a process that belongs to nobody else is resident, in KiB. */
    private static long resident(long pid) throws IOException {
        return Files.readAllLines(Path.of("/proc", Long.toString(pid), "status"), StandardCharsets.ISO_8859_1).stream()
                .filter(line -> line.startsWith("RssAnon:") || line.startsWith("RssShmem:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
                .sum();
    }

    private static void with(List<String> command, Look look) throws IOException, InterruptedException {
        // A shell in between: a JVM can't stop its own children.
        List<String> line = new ArrayList<>(List.of("sh", "-c", "\"$@\" & wait", "sh"));
        line.addAll(command);
        Process shell = new ProcessBuilder(line).start();
        long pid = 0;
        try (BufferedReader out =
                new BufferedReader(new InputStreamReader(shell.getInputStream(), StandardCharsets.UTF_8))) {
            String[] told = out.readLine().split(" ");
            pid = Long.parseLong(told[0]);
            assertThat(out.readLine()).isEqualTo("ready");
            look.at(pid, told[1]);
        } finally {
            ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
            shell.waitFor();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"untouched", "trimmed"})
    void heapsOfC(String how) throws IOException, InterruptedException {
        String program = CProgram.compile("growth", SOURCE).toString();
        with(how.equals("untouched") ? List.of(program, how) : List.of(program), (pid, address) -> {
            long before = resident(pid);
            String id = Long.toString(pid);
            for (String mode : new String[] {"stop", "observe"}) {
                for (String[] what : new String[][] {
                    {"arenas"},
                    {"summary"},
                    {"sizes"},
                    {"used"},
                    {"free"},
                    {"all"},
                    {"bins"},
                    {"tcache"},
                    {"hexdump", "0x" + address, "--length=16K"}
                }) {
                    List<String> line = new ArrayList<>(List.of(what));
                    line.addAll(List.of(id, "--mode", mode));
                    Run run = Run.heapwalk(line.toArray(String[]::new)).exited(0);
                    assertThat(run.text()).as("%s", line).isNotEmpty();
                    assertThat(resident(pid)).as("after %s", line).isEqualTo(before);
                }
            }
            Run verbose = Run.heapwalk("sizes", id, "--verbose").exited(0);
            assertThat(verbose.err()).contains("heapwalk: 0 pages were swapped in to be read (0 bytes)");
        });
    }

    @Test
    void aRubyProcess() throws IOException {
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start()) {
            String id = Long.toString(process.pid());
            long before = resident(process.pid());
            for (String mode : new String[] {"stop", "observe"}) {
                for (String[] what : new String[][] {
                    {"summary"}, {"arenas"}, {"ruby", "count"}, {"ruby", "threads"}, {"ruby", "roots"}, {"ruby", "dump"}
                }) {
                    List<String> line = new ArrayList<>(List.of(what));
                    line.addAll(List.of(id, "--mode", mode));
                    Run.heapwalk(line.toArray(String[]::new)).exited(0);
                    assertThat(resident(process.pid())).as("after %s", line).isEqualTo(before);
                }
            }
        }
    }

    /** Waits until a process has come to rest. */
    private static void settle(long pid) throws IOException {
        long last = -1;
        for (int same = 0, turns = 0; same < 3 && turns < 60; turns++) {
            long now = resident(pid);
            same = now == last ? same + 1 : 0;
            last = now;
            LockSupport.parkNanos(500_000_000);
        }
    }

    /** It does a little by itself even when it waits, but its memory that was never touched is far more than that. */
    @Test
    void aJvm() throws IOException, InterruptedException {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        String source = """
                void main() throws Exception {
                    byte[][] blocks = new byte[2000][];
                    for (int i = 0; i < blocks.length; i++) blocks[i] = new byte[10 * i];
                    System.out.println(ProcessHandle.current().pid() + " 0");
                    System.out.println("ready");
                    Thread.sleep(1_000_000);
                }
                """;
        Path file = Files.createTempFile("heapwalk", ".java");
        try {
            Files.writeString(file, source);
            with(List.of(java.toString(), "-Xint", "-Xmx256m", file.toString()), (pid, _) -> {
                String id = Long.toString(pid);
                settle(pid);
                for (String mode : new String[] {"stop", "observe"}) {
                    for (String what : new String[] {"arenas", "summary", "used"}) {
                        long before = resident(pid);
                        Run run = Run.heapwalk(what, id, "--mode", mode);
                        assertThat(run.status()).as(run.err()).isIn(0, 3);
                        assertThat(resident(pid))
                                .as("after %s --mode %s", what, mode)
                                .isLessThan(before + 4096);
                    }
                }
            });
        } finally {
            Files.delete(file);
        }
    }
}
