// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers that are read of a copy which the process has forked are those of the process. */
final class ForkIT {
    private static final String FORKED = "in which it forked a copy";

    @TempDir
    private Path folder;

    /** All threads of the ledger program wait by then. */
    @ParameterizedTest
    @ValueSource(strings = {"sizes", "arenas", "bins", "tcache", "used", "summary", "free"})
    void tellsTheSame(String command) throws IOException {
        try (LedgerProcess process = LedgerProcess.of(Release.TRIXIE, "threads").start()) {
            String pid = Long.toString(process.pid());
            Run stopped = Run.heapwalk(command, "--mode", "stop", "--format", "jsonl", pid)
                    .exited(0);
            Run forked = Run.heapwalk(command, "--mode", "fork", "--format", "jsonl", "--verbose", pid)
                    .exited(0);
            assertThat(forked.err()).contains(FORKED);
            assertThat(forked.out()).isNotEmpty().isEqualTo(stopped.out());
            assertThat(children(process.pid())).isEmpty();
            assertThat(process.isAlive()).isTrue();
        }
    }

    private static String children(long pid) throws IOException {
        return Files.readString(Path.of("/proc/%d/task/%d/children".formatted(pid, pid)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"heap_dump", "objectspace"})
    void dumpsTheSameRuby(String format) throws IOException {
        try (RubyProcess process =
                RubyProcess.of(Ruby.TRIXIE, "stdlib").argument(20_000).start()) {
            assertThat(dump("ruby", process.pid(), "fork", "--format", format))
                    .isEqualTo(dump("ruby", process.pid(), "stop", "--format", format));
            assertThat(process.ask("eval 6 * 7")).containsExactly("42");
        }
    }

    @Test
    void dumpsTheSamePython() throws IOException {
        try (PythonProcess process =
                PythonProcess.of(Python.debian().getLast()).script("dump.py").start()) {
            assertThat(dump("python", process.pid(), "fork")).isEqualTo(dump("python", process.pid(), "stop"));
        }
    }

    private byte[] dump(String runtime, long pid, String mode, String... options) throws IOException {
        Path file = folder.resolve(mode);
        String[] line = new String[7 + options.length];
        System.arraycopy(
                new String[] {runtime, "dump", "--mode", mode, "-o", file.toString(), Long.toString(pid)},
                0,
                line,
                0,
                7);
        System.arraycopy(options, 0, line, 7, options.length);
        Run run = Run.heapwalk(line).exited(0);
        assertThat(run.err()).contains("stood still for");
        assertThat(run.err().contains("to fork a copy of itself")).isEqualTo(mode.equals("fork"));
        return Files.readAllBytes(file);
    }

    @Test
    void forksWhereThatIsWorthIt() throws IOException {
        try (LedgerProcess small = LedgerProcess.of(Release.TRIXIE, "basic").start();
                RubyProcess large =
                        RubyProcess.of(Ruby.TRIXIE, "stdlib").argument(500_000).start()) {
            assertThat(Run.heapwalk("sizes", "--verbose", Long.toString(small.pid()))
                            .exited(0)
                            .err())
                    .contains("stopped for")
                    .doesNotContain(FORKED);
            assertThat(Run.heapwalk("sizes", "--verbose", Long.toString(large.pid()))
                            .exited(0)
                            .err())
                    .contains(FORKED);
            // What is in memory is not told by a copy.
            assertThat(Run.heapwalk("memory", "--verbose", Long.toString(large.pid()))
                            .exited(0)
                            .err())
                    .doesNotContain(FORKED);
            Run.heapwalk("memory", "--mode", "fork", Long.toString(large.pid()))
                    .exited(2)
                    .said("does not go with --mode fork");
        }
    }
}
