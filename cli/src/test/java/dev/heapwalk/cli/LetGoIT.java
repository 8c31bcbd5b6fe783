// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.ThisMachine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What the command does with a process that it must let go before it has read all. */
final class LetGoIT {
    /** A page in the middle of malloc's small blocks never comes; with an empty argument, all of them are there. */
    private static final String SOURCE = """
            #include <linux/userfaultfd.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <sys/ioctl.h>
            #include <sys/mman.h>
            #include <sys/syscall.h>
            #include <unistd.h>
            int main(int argc, char **argv) {
                long page = 0;
                int blocks = argc > 1 && *argv[1] ? 4000 : 1000000;
                for (int i = 0; i < blocks; i++) {
                    long block = (long) malloc(40);
                    if (i == 2000) page = (block & -4096L) + 4096;
                }
                struct uffdio_api api = {.api = UFFD_API};
                struct uffdio_register range = {.range = {page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
                int fd = argc > 1 && *argv[1] ? syscall(SYS_userfaultfd, 0) : 0;
                if (fd < 0 || fd > 0 && (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &range))) return 9;
                if (fd > 0) madvise((void *) page, 4096, MADV_DONTNEED);
                printf("%d %lx\\n", getpid(), page);
                fflush(stdout);
                for (;;) pause();
            }
            """;

    private interface Look {
        void at(String pid, String page) throws IOException;
    }

    private static void with(String argument, Look look) throws IOException, InterruptedException {
        // A shell in between: a JVM can't stop its own children.
        Process shell = new ProcessBuilder(
                        "sh",
                        "-c",
                        "\"$@\" & wait",
                        "sh",
                        CProgram.compile("letgo", SOURCE).toString(),
                        argument)
                .start();
        String pid = "0";
        try (BufferedReader out = new BufferedReader(new InputStreamReader(shell.getInputStream()))) {
            String[] told = out.readLine().split(" ");
            pid = told[0];
            look.at(pid, told[1]);
            assertThat(Files.readString(Path.of("/proc", pid, "status"))).contains("State:\tS", "TracerPid:\t0");
        } finally {
            ProcessHandle.of(Long.parseLong(pid)).ifPresent(ProcessHandle::destroyForcibly);
            shell.waitFor();
        }
    }

    @Test
    void aPageThatNeverComesIsNamed() throws IOException, InterruptedException {
        if (!ThisMachine.hasUserfaultfd()) {
            ThisMachine.leavesOut("commands that read pages that never come", "no userfaultfd for calls of the kernel");
        }
        assumeTrue(ThisMachine.hasUserfaultfd());
        with("unserved", (pid, page) -> {
            for (String mode : new String[] {"stop", "observe"}) {
                for (Run run : new Run[] {
                    Run.launched("used", pid, "--mode", mode), Run.heapwalk("summary", pid, "--mode", mode)
                }) {
                    run.exited(4);
                    assertThat(run.text()).isEmpty();
                    assertThat(run.err()).contains("heapwalk: reading 0x", "has made no progress for 2 seconds");
                    assertThat(run.err().lines()).hasSize(1);
                    String[] range = run.err().split("reading | of ")[1].split("-");
                    assertThat(Long.decode(range[0])).isLessThan(Long.parseLong(page, 16) + 4096);
                    assertThat(Long.decode(range[1])).isGreaterThan(Long.parseLong(page, 16));
                }
            }
        });
    }

    @Test
    void aStopThatLastsTooLongSaysWhatToDo() throws IOException, InterruptedException {
        with("", (pid, page) -> {
            Run run = Run.heapwalk("summary", pid, "--max-stop", "0.001").exited(4);
            assertThat(run.text()).isEmpty();
            assertThat(run.err())
                    .matches("heapwalk: process .* has been stopped for 0.001 s, .*; try --mode observe, a larger"
                            + " --max-stop, or a core of it\n");
            Run.heapwalk("summary", pid, "--max-stop", "0").exited(0);
            Run.heapwalk("summary", pid, "--max-stop", "0.001", "--mode", "observe")
                    .exited(0);
            assertThat(Run.heapwalk("summary", pid, "--max-stop", "-1")
                            .exited(2)
                            .err())
                    .contains("--max-stop");
        });
    }
}
