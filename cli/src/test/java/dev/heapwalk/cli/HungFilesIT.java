// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.ThisMachine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs and pages on a file system whose server stopped answering, which nobody who waits for it gets away from. */
final class HungFilesIT {
    /** It runs from the file system, and has a page of its file, which it never touched, in the middle of its heap. */
    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <fcntl.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <sys/mman.h>
            #include <unistd.h>
            __attribute__((used)) const char filler[1 << 21] = {1};
            int main(int argc, char **argv) {
                char *blocks[2000];
                for (int i = 0; i < 2000; i++) *(blocks[i] = malloc(1000)) = 1;
                long page = ((long) blocks[1000] + 4095) & -4096L;
                int fd = open(argv[0], O_RDONLY);
                if (fd < 0 || mmap((void *) page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 1 << 20)
                        != (void *) page) return 9;
                printf("%d\\n", getpid());
                fflush(stdout);
                for (;;) pause();
            }
            """;

    @TempDir
    private Path folder;

    private static Run heapwalk(String... arguments) {
        String[] line = new String[arguments.length + 4];
        line[0] = "timeout";
        line[1] = "-s";
        line[2] = "KILL";
        line[3] = "100";
        System.arraycopy(arguments, 0, line, 4, arguments.length);
        return Run.of(new ProcessBuilder(line));
    }

    @Test
    void whatWillNeverBeAnsweredIsNotAskedFor() throws IOException, InterruptedException {
        Path program = CProgram.compile("onhungfiles", SOURCE);
        Path server = CProgram.compile("hangfs", source());
        Process serving = new ProcessBuilder(server.toString(), folder.toString(), program.toString()).start();
        Process shell = null;
        String pid = "0";
        try (BufferedReader told =
                new BufferedReader(new InputStreamReader(serving.getInputStream(), StandardCharsets.UTF_8))) {
            String how = told.readLine();
            if (!"ready".equals(how)) {
                ThisMachine.leavesOut("files of a server that does not answer", "no FUSE file system (" + how + ")");
            }
            assumeTrue("ready".equals(how));
            // A shell in between: a JVM can't stop its own children.
            shell = new ProcessBuilder(
                            "sh",
                            "-c",
                            "\"$@\" & wait",
                            "sh",
                            folder.resolve("file").toString())
                    .start();
            BufferedReader out =
                    new BufferedReader(new InputStreamReader(shell.getInputStream(), StandardCharsets.UTF_8));
            pid = out.readLine();
            serving.getOutputStream().write('\n');
            serving.getOutputStream().flush();
            assertThat(told.readLine()).isEqualTo("hangs");
            String command = Run.checkout().resolve("bin/heapwalk").toString();
            for (String mode : new String[] {"stop", "observe"}) {
                for (String what : new String[] {"used", "summary", "arenas"}) {
                    Run run = heapwalk(command, what, pid, "--mode", mode);
                    run.exited(3);
                    assertThat(run.err())
                            .contains(
                                    "notice: parts of " + folder.resolve("file") + " were not read: they are not in"
                                            + " memory, and lie on a file system (fuse.hangfs) that may not answer",
                                    "can't be read");
                    assertThat(Files.readString(Path.of("/proc", pid, "status")))
                            .contains("State:\tS", "TracerPid:\t0");
                    if (what.equals("used")) {
                        assertThat(run.lines()).hasSizeGreaterThan(900);
                    }
                }
            }
        } finally {
            ProcessHandle.of(Long.parseLong(pid)).ifPresent(ProcessHandle::destroyForcibly);
            // With its server, all that waits for the file system ends.
            serving.getOutputStream().close();
            serving.waitFor();
            if (shell != null) {
                shell.waitFor();
            }
        }
    }

    private static String source() throws IOException {
        try (var in = HungFilesIT.class.getResourceAsStream("hangfs.c")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
