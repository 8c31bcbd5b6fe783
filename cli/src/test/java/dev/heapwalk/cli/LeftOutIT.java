// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Grandchild;
import java.io.IOException;
import org.junit.jupiter.api.Test;

/** A heap of more blocks than the JVM has memory for. */
final class LeftOutIT {
    private static final String SOURCE = """
            #include <cstdio>
            #include <list>
            #include <unistd.h>
            int main() {
                static std::list<long> kept(700000);
                puts("READY");
                fflush(stdout);
                char c;
                while (read(0, &c, 1) > 0) {}
            }
            """;

    private static Run summary(String memory, Process process) {
        ProcessBuilder builder = new ProcessBuilder(
                Run.checkout().resolve("bin/heapwalk").toString(),
                "summary",
                Long.toString(process.pid()),
                "--format=jsonl",
                "--max-stop=60");
        builder.environment().put("HEAPWALK_JAVA_OPTIONS", "-Xmx" + memory);
        return Run.of(builder).exited(0);
    }

    @Test
    void isSaidToHaveContainersThatWereNotLookedFor() throws IOException {
        Process process = Grandchild.start(new ProcessBuilder(
                CProgram.compileCpp("g++", "many", SOURCE, "-O1").toString()));
        try {
            assertThat(process.inputReader().readLine()).isEqualTo("READY");
            Run small = summary("24m", process);
            assertThat(small.text()).contains("\"count\":700000").doesNotContain("std::list");
            assertThat(small.err()).contains("heapwalk: notice: containers of C++ were not looked for");
            Run usual = summary("512m", process);
            assertThat(usual.text()).containsPattern("std::list.*\"count\":700000");
            assertThat(usual.err()).isEmpty();
        } finally {
            process.destroyForcibly();
        }
    }
}
