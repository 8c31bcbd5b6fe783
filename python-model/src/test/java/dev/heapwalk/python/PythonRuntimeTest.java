// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import dev.heapwalk.testkit.Release;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class PythonRuntimeTest {
    private static final int MOMENTS = 15;

    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void findsWhatThePythonSaysOfItself(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            List<String> version = process.ask("version");
            List<long[]> threads = numbers(process.ask("threads"));
            long now;
            try (Target target = Target.attach(process.pid())) {
                PythonRuntime runtime = PythonRuntime.locate(target);
                now = runtime.interpreters().getFirst().address();
                assertSays(runtime, version, threads, python);
                PythonRuntime blind = PythonRuntime.locate(target, PythonRuntime.Symbols.IGNORE);
                assertSays(blind, version, threads, python);
                assertThat(blind.evidence())
                        .isNotEmpty()
                        .noneMatch(said -> said.sources().contains(Source.SYMBOL));
                assertThat(blind.interpreters()).isEqualTo(runtime.interpreters());
                assertThat(blind.address()).isEqualTo(runtime.address());
                assertThat(blind.address() != 0).isEqualTo(python.isAtLeast(3, 7));
                assertThat(runtime.refresh()).isSameAs(runtime);
            }
            Path core = Cores.gcore(process, folder);
            try (Target target = Target.core(core, python.root())) {
                assertSays(PythonRuntime.locate(target), version, threads, python);
            }
            // No file of the process is at hand.
            try (Target target = Target.core(core, folder)) {
                PythonRuntime runtime = PythonRuntime.locate(target);
                assertSays(runtime, version, threads, python);
                assertThat(runtime.interpreters().getFirst().address()).isEqualTo(now);
            }
        }
    }

    static void assertSays(PythonRuntime runtime, List<String> version, List<long[]> threads, Python python) {
        assertThat(runtime.banner().replace("\n", " ")).isEqualTo(version.getFirst());
        assertThat(version.getFirst()).startsWith(runtime.version().replaceAll("(?<=[0-9])(a|b|rc)[0-9]+$", ""));
        long hex = Long.parseLong(version.get(1));
        assertThat(runtime.version()).startsWith((hex >> 24) + "." + (hex >> 16 & 0xFF) + "." + (hex >> 8 & 0xFF));
        assertThat(runtime.series()).isEqualTo((hex >> 24) * 100 + (hex >> 16 & 0xFF));
        assertThat(runtime.typeType()).isEqualTo(Long.parseLong(version.get(2)));
        assertThat(runtime.interpreters()).hasSize(1);
        PythonInterpreter main = runtime.interpreters().getFirst();
        assertThat(main.main()).isTrue();
        assertThat(main.id()).isEqualTo(python.isAtLeast(3, 7) ? 0 : -1);
        assertThat(main.threads())
                .extracting(PythonThread::threadId)
                .containsExactlyInAnyOrderElementsOf(
                        threads.stream().map(thread -> thread[0]).toList());
        if (python.isAtLeast(3, 11)) {
            assertThat(main.threads())
                    .extracting(PythonThread::nativeThreadId)
                    .containsExactlyInAnyOrderElementsOf(
                            threads.stream().map(thread -> thread[1]).toList());
        } else {
            assertThat(main.threads()).extracting(PythonThread::nativeThreadId).containsOnly(-1L);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#all")
    void listsInterpretersAsTheyCome(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start();
                Target target = Target.observe(process.pid())) {
            PythonRuntime before = PythonRuntime.locate(target);
            assertThat(before.interpreters()).hasSize(1);
            if (python.isAtLeast(3, 8)) {
                process.ask("interpreter");
                process.ask("interpreter own");
            }
            List<Long> ids =
                    process.ask("interpreters").stream().map(Long::parseLong).toList();
            PythonRuntime runtime = before.refresh();
            assertThat(runtime.interpreters()).hasSameSizeAs(ids);
            if (python.isAtLeast(3, 8)) {
                assertThat(runtime.interpreters())
                        .extracting(PythonInterpreter::id)
                        .containsExactlyElementsOf(ids)
                        .isSortedAccordingTo(Comparator.naturalOrder())
                        .hasSize(3);
            }
            assertThat(runtime.interpreters())
                    .extracting(PythonInterpreter::main)
                    .startsWith(true);
            assertThat(runtime.interpreters().stream().filter(PythonInterpreter::main))
                    .hasSize(1);
            assertThat(PythonRuntime.locate(target, PythonRuntime.Symbols.IGNORE)
                            .interpreters())
                    .isEqualTo(runtime.interpreters());
            // One that may not share has an allocator of its own since 3.12.
            assertThat(runtime.pymallocs()).hasSize(python.freeThreaded() ? 0 : python.isAtLeast(3, 12) ? 2 : 1);
            if (python.isAtLeast(3, 12) && !python.freeThreaded()) {
                assertThat(runtime.pymallocs())
                        .extracting(Pymalloc::interpreter)
                        .containsExactly(
                                runtime.interpreters().getFirst().address(),
                                runtime.interpreters().getLast().address());
                // It holds ten thousand objects, which the others' does not.
                assertThat(PymallocTotals.of(runtime.pymallocs().getLast()).used(0))
                        .isGreaterThan(10_000);
            }
        }
    }

    @Test
    void refusesAProgramWithoutPython() throws Exception {
        try (LedgerProcess process = LedgerProcess.of(Release.TRIXIE, "basic").start();
                Target target = Target.attach(process.pid())) {
            assertThat(PythonRuntime.isLikely(target)).isFalse();
            assertThatThrownBy(() -> PythonRuntime.locate(target))
                    .isInstanceOf(UnsupportedTargetException.class)
                    .hasMessageStartingWith(target.description() + " is no Python process: ")
                    .hasMessageNotContaining("\n");
        }
    }

    /** It has types as a build without the lock has them, whose objects have a larger head, and nothing else. */
    @Test
    void refusesTypesOfABuildWithoutTheLockThatHaveNoInterpreter() throws Exception {
        Path program = CProgram.compile("freethreaded", """
                #include <stdio.h>
                #include <unistd.h>
                static long type[80], object[80];
                static void make(long *some, const char *name, long *base) {
                    some[3] = (long) type;
                    some[5] = (long) name;
                    some[6] = 944;
                    some[7] = 40;
                    some[23] = 1L << 31;
                    some[34] = (long) base;
                }
                int main(void) {
                    make(object, "object", NULL);
                    make(type, "type", object);
                    puts("READY");
                    fflush(stdout);
                    pause();
                    return 0;
                }
                """);
        withProgram(
                List.of(program.toString()),
                target -> assertThatThrownBy(() -> PythonRuntime.locate(target))
                        .isInstanceOf(UnsupportedTargetException.class)
                        .hasMessageStartingWith(
                                target.description()
                                        + " runs Python 3.13 without the global interpreter lock, but no interpreter was found"));
    }

    private interface Look {
        void at(Target target);
    }

    private String said;

    private void withProgram(List<String> command, Look look) throws Exception {
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader lines =
                        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
                Target target = Target.observe(process.pid())) {
            do {
                said = lines.readLine();
            } while (said != null && !said.startsWith("READY"));
            assertThat(said).isNotNull();
            target.memory().refresh();
            look.at(target);
        } finally {
            process.destroyForcibly();
        }
    }

    /** Threads that allocate all the time are stopped anywhere. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Python#debian")
    void readsAnyMoment(Python python) throws Exception {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            process.ask("churn");
            for (int i = 0; i < MOMENTS; i++) {
                try (Target target = Target.attach(process.pid())) {
                    PythonRuntime runtime = PythonRuntime.locate(
                            target, i % 2 == 0 ? PythonRuntime.Symbols.USE : PythonRuntime.Symbols.IGNORE);
                    assertThat(runtime.interpreters()).hasSize(1);
                    assertThat(runtime.interpreters().getFirst().threads()).hasSize(6);
                    PymallocTotals totals =
                            PymallocTotals.of(runtime.pymallocs().getFirst());
                    // One block may be on its way: that is no damage.
                    assertThat(totals.damages()).isEmpty();
                    assertThat(totals.bytes(PymallocPart.DAMAGED_POOL)).isZero();
                    assertThat(totals.used()).isGreaterThan(10_000);
                }
            }
        }
    }

    @Test
    void seesAtAGlanceWhereItMayBe() throws Exception {
        try (PythonProcess process = PythonProcess.of(Python.trixie()).start();
                Target target = Target.attach(process.pid())) {
            assertThat(PythonRuntime.isLikely(target)).isTrue();
        }
    }

    static List<long[]> numbers(List<String> lines) {
        return lines.stream()
                .map(line -> List.of(line.split(" ")).stream()
                        .mapToLong(Long::parseLong)
                        .toArray())
                .toList();
    }
}
