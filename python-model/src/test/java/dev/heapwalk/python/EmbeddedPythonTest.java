// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.ThisMachine;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Programs that have a Python in them. It tells them its version, where its type of types lies, and how many sets it has:
 * their objects are all the garbage collector's.
 */
class EmbeddedPythonTest {
    private static final int KEPT = 4321;
    private static final String KEEP =
            "import gc, os, sys, threading, time; kept = [set([i]) for i in range(%d)]; gc.collect()".formatted(KEPT);
    private static final String SAY = "os.write(2, b'READY %d %d %d\\n' % (sys.hexversion, id(type), "
            + "sum(type(some) is set for some in gc.get_objects())))";
    private static final int NOBODY = 65534;

    private final Python python = Python.trixie();

    private void with(List<String> program, Consumer<Target> look) throws Exception {
        withHere(Release.enter(python.root(), program), look);
    }

    private void withHere(List<String> command, Consumer<Target> look) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII))) {
            StringBuilder said = new StringBuilder();
            String line = lines.readLine();
            while (line != null && !line.contains("READY")) {
                said.append(line).append('\n');
                line = lines.readLine();
            }
            assertThat(line).as(said.toString()).isNotNull();
            // A prompt may stand before it.
            ready = line.substring(line.indexOf("READY"));
            try (Target target = Target.observe(process.pid())) {
                look.accept(target);
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private String ready;
    private int sets;

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
        assertThat(sets).isEqualTo(Integer.parseInt(words[3])).isGreaterThanOrEqualTo(KEPT);
    }

    private int objects(PythonRuntime runtime) {
        try (ObjectReader reader = runtime.reader();
                ObjectCursor object = runtime.objects(Heaps.of(runtime.target()))) {
            int count = 0;
            sets = 0;
            while (object.next()) {
                count++;
                sets += reader.typeNames().of(object.type()).qualname().equals("set") ? 1 : 0;
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
                        "py3 " + KEEP + "; " + SAY + "; os.read(0, 1)"),
                target -> reads(target, symbols));
    }

    @ParameterizedTest
    @EnumSource
    void inUwsgi(PythonRuntime.Symbols symbols) throws Exception {
        Path script = script("""
                %s
                threading.Timer(0.2, lambda: %s).start()
                def application(environment, start):
                    start("200 OK", [])
                    return [b"answer"]
                """.formatted(KEEP, SAY));
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

    @ParameterizedTest
    @EnumSource
    void inGdb(PythonRuntime.Symbols symbols) throws Exception {
        withHere(
                List.of("gdb", "-q", "-nx", "-batch", "-ex", "python " + KEEP + "; " + SAY + "; os.read(0, 1)"),
                target -> reads(target, symbols));
    }

    /** PL/Python in a server for one, which reads a line of SQL from its input. */
    @ParameterizedTest
    @EnumSource
    void inPostgresql(PythonRuntime.Symbols symbols) throws Exception {
        if (!Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"))) {
            ThisMachine.leavesOut(
                    "PostgreSQL with Python in it", "only root can run it as somebody else, as it demands");
            return;
        }
        String statement = "do language plpython3u $$ %s; %s; time.sleep(1000) $$;".formatted(KEEP, SAY);
        Path folder =
                script("create extension plpython3u;\n" + statement + "\n").getParent();
        Path here = python.root().resolve(Path.of("/").relativize(folder));
        Files.setAttribute(here, "unix:uid", NOBODY);
        Files.setPosixFilePermissions(here.resolve("script.py"), PosixFilePermissions.fromString("rw-r--r--"));
        String user = Integer.toString(NOBODY);
        try {
            with(
                    List.of(
                            "/usr/bin/setpriv",
                            "--reuid=" + user,
                            "--regid=" + user,
                            "--clear-groups",
                            "sh",
                            "-ec",
                            """
                            export LC_ALL=C LD_LIBRARY_PATH=/opt/postgresql/usr/lib/x86_64-linux-gnu
                            cd "$0"
                            server=/opt/postgresql/usr/lib/postgresql/17/bin
                            $server/initdb -D data -U heapwalk -A trust --no-sync --no-locale
                            exec $server/postgres --single -F -D data postgres <script.py
                            """,
                            folder.toString()),
                    target -> reads(target, symbols));
        } finally {
            try (Stream<Path> files = Files.walk(here)) {
                files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
            }
        }
    }

    /** A library that sees nothing of the program's own Python has another one; both have their blocks from malloc. */
    @ParameterizedTest
    @EnumSource
    void besideAnother(PythonRuntime.Symbols symbols) throws Exception {
        Path script = script("""
                import ctypes, gc, os, sys
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
