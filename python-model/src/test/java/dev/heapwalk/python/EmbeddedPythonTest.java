// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.Release;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Programs that have a Python in them. It tells them its version and where its type of types lies. */
class EmbeddedPythonTest {
    private static final String SAY = "os.write(2, b'READY %d %d\\n' % (sys.hexversion, id(type)))";

    private final Python python = Python.trixie();

    private void with(List<String> program, Consumer<Target> look) throws Exception {
        Process process = new ProcessBuilder(Release.enter(python.root(), program))
                .redirectErrorStream(true)
                .start();
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII))) {
            StringBuilder said = new StringBuilder();
            String line = lines.readLine();
            while (line != null && !line.startsWith("READY")) {
                said.append(line).append('\n');
                line = lines.readLine();
            }
            assertThat(line).as(said.toString()).isNotNull();
            ready = line;
            try (Target target = Target.observe(process.pid())) {
                look.accept(target);
            }
        } finally {
            process.destroyForcibly();
        }
    }

    private String ready;

    private Path script(String text) throws Exception {
        Path folder = Files.createTempDirectory(python.root().resolve("tmp"), "heapwalk-embedded");
        folder.toFile().deleteOnExit();
        Path script = Files.writeString(folder.resolve("script.py"), text);
        script.toFile().deleteOnExit();
        return Path.of("/").resolve(python.root().relativize(script));
    }

    private void reads(Target target, PythonRuntime.Symbols symbols) {
        PythonRuntime runtime = PythonRuntime.locate(target, symbols);
        String[] words = ready.split(" ");
        long hex = Long.parseLong(words[1]);
        assertThat(runtime.version()).isEqualTo("%d.%d.%d".formatted(hex >> 24, hex >> 16 & 0xFF, hex >> 8 & 0xFF));
        assertThat(runtime.typeType()).isEqualTo(Long.parseLong(words[2]));
        assertThat(runtime.evidence()).noneMatch(said -> said.subject().equals("another Python"));
        assertThat(objects(runtime)).isGreaterThan(10_000);
    }

    private static int objects(PythonRuntime runtime) {
        try (ObjectCursor object = runtime.objects(Heaps.of(runtime.target()))) {
            int count = 0;
            while (object.next()) {
                count++;
            }
            assertThat(object.damages()).isEmpty();
            assertThat(object.notices()).isEmpty();
            return count;
        }
    }

    @ParameterizedTest
    @EnumSource
    void inVim(PythonRuntime.Symbols symbols) throws Exception {
        with(
                List.of(
                        "/usr/bin/vim.nox",
                        "-es",
                        "-u",
                        "NONE",
                        "-N",
                        "-c",
                        "py3 import os, sys; " + SAY + "; os.read(0, 1)"),
                target -> reads(target, symbols));
    }

    @ParameterizedTest
    @EnumSource
    void inUwsgi(PythonRuntime.Symbols symbols) throws Exception {
        Path script = script("""
                import os, sys, threading
                threading.Timer(0.2, lambda: %s).start()
                def application(environment, start):
                    start("200 OK", [])
                    return [b"answer"]
                """.formatted(SAY));
        with(
                List.of(
                        "/usr/bin/uwsgi",
                        "--plugin",
                        "python3",
                        "--enable-threads",
                        "--http-socket",
                        "127.0.0.1:0",
                        "--wsgi-file",
                        script.toString()),
                target -> reads(target, symbols));
    }

    /** A library that sees nothing of the program's own Python has another one; both have their blocks from malloc. */
    @ParameterizedTest
    @EnumSource
    void besideAnother(PythonRuntime.Symbols symbols) throws Exception {
        Path script = script("""
                import ctypes, os, sys
                flags = os.RTLD_NOW | os.RTLD_LOCAL | os.RTLD_DEEPBIND
                other = ctypes.PyDLL("libpython%s.so.1.0", flags)
                other.Py_InitializeEx(0)
                other.PyRun_SimpleString(b"import ast, json; kept = [[i] for i in range(10000)]")
                mine = [object() for i in range(5000)]
                %s
                os.read(0, 1)
                """.formatted(python.version(), SAY));
        with(List.of("/usr/bin/python" + python.version(), script.toString()), target -> {
            PythonRuntime runtime = PythonRuntime.locate(target, symbols);
            assertThat(runtime.typeType()).isEqualTo(Long.parseLong(ready.split(" ")[2]));
            assertThat(runtime.interpreters()).hasSize(1);
            assertThat(runtime.evidence())
                    .filteredOn(said -> said.subject().equals("another Python"))
                    .singleElement()
                    .satisfies(said -> assertThat(said.conclusion()).contains("libpython" + python.version()));
            assertThat(objects(runtime)).isBetween(10_000, 60_000);
        });
    }
}
