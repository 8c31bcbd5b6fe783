// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.unwind;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.Gdb;
import dev.heapwalk.testkit.Grandchild;
import dev.heapwalk.testkit.Python;
import dev.heapwalk.testkit.PythonProcess;
import dev.heapwalk.testkit.Release;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The frames of C programs are those that gdb finds, on each release, live and in a core. */
class FrameCursorTest {
    private static final int THREADS = 14;

    /** Threads of C++ while an exception is on its way, in what is called by the standard library, and in a handler. */
    private static final String CPP = """
            #include <algorithm>
            #include <cstdio>
            #include <functional>
            #include <mutex>
            #include <stdexcept>
            #include <string>
            #include <thread>
            #include <vector>
            #include <unistd.h>
            static std::mutex lock;
            static int waiting;
            static void wait_here()
            {
                {
                    std::lock_guard<std::mutex> held(lock);
                    waiting++;
                }
                for (;;)
                    pause();
            }
            struct Guard {
                std::string name;
                ~Guard() { if (name == "waits") wait_here(); }
            };
            __attribute__((noinline)) static int thrower(int depth, std::string name)
            {
                Guard guard{name};
                if (depth == 0)
                    throw std::runtime_error(name);
                return thrower(depth - 1, depth == 1 ? "inner" : name) + 1;
            }
            int main()
            {
                std::vector<std::thread> threads;
                threads.emplace_back([] { try { thrower(4, "waits"); } catch (std::exception &e) { puts(e.what()); } });
                threads.emplace_back([] { try { thrower(4, "x"); } catch (std::exception &e) { wait_here(); } });
                threads.emplace_back([] {
                    std::vector<int> v{3, 1, 2};
                    std::sort(v.begin(), v.end(), [](int a, int b) { wait_here(); return a < b; });
                });
                threads.emplace_back([] {
                    static std::once_flag once;
                    std::call_once(once, wait_here);
                });
                std::function<void(int)> nest = [&](int n) { if (n) nest(n - 1); else wait_here(); };
                threads.emplace_back(nest, 10);
                for (;;) {
                    usleep(1000);
                    std::lock_guard<std::mutex> held(lock);
                    if (waiting == 5)
                        break;
                }
                puts("ready");
                fflush(stdout);
                for (;;)
                    pause();
            }
            """;

    @TempDir
    private Path folder;

    static String source(String name) throws IOException {
        try (InputStream in = FrameCursorTest.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    static Stream<Arguments> programs() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of(
                                "-O0",
                                "-O2",
                                "-O2 -fomit-frame-pointer -fno-plt",
                                "-O2 -fno-omit-frame-pointer -Wl,-s",
                                "-O1 -static")
                        .map(options -> Arguments.of(release, options)));
    }

    @ParameterizedTest
    @MethodSource("programs")
    void areThoseOfGdb(Release release, String options) throws IOException {
        String program = CProgram.portableSource("frames", source("frames.c"), options.split(" "))
                .install(release, true);
        Grandchild process = Grandchild.start(new ProcessBuilder(release.command(true, List.of(program))));
        try {
            assertThat(process.inputReader().readLine()).isEqualTo("ready");
            Path core = folder.resolve("core");
            Map<Integer, List<Gdb.Frame>> gdb = Gdb.framesAndCore(release, process.pid(), program, core);
            assertThat(gdb).hasSize(THREADS);
            GdbFrames oracle = new GdbFrames(gdb);
            check(core, release.root(true).orElseThrow(), process.pid(), oracle);
        } finally {
            process.destroyForcibly();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"-O0", "-O2", "-O2 -fomit-frame-pointer -s"})
    void withExceptionsAreThoseOfGdb(String options) throws IOException {
        Path program = CProgram.compileCpp("g++", "exceptions", CPP, options.split(" "));
        Grandchild process = Grandchild.start(new ProcessBuilder(program.toString()));
        try {
            assertThat(process.inputReader().readLine()).isEqualTo("ready");
            check(Path.of("/"), process.pid(), 6);
        } finally {
            process.destroyForcibly();
        }
    }

    static List<Ruby> rubies() {
        return Ruby.debian();
    }

    @ParameterizedTest
    @MethodSource("rubies")
    void ofRubyAreThoseOfGdb(Ruby ruby) throws IOException {
        try (RubyProcess process = RubyProcess.of(ruby, "frames").start()) {
            check(ruby.root(), process.pid(), 3);
        }
    }

    static List<Python> pythons() {
        return Python.debian();
    }

    @ParameterizedTest
    @MethodSource("pythons")
    void ofPythonAreThoseOfGdb(Python python) throws IOException {
        try (PythonProcess process = PythonProcess.of(python).start()) {
            check(python.root(), process.pid(), 1);
        }
    }

    private void check(Path root, long pid, int least) throws IOException {
        Path core = folder.resolve("core");
        Map<Integer, List<Gdb.Frame>> gdb = Gdb.framesAndCore(root, pid, core);
        assertThat(gdb).hasSizeGreaterThanOrEqualTo(least);
        GdbFrames oracle = new GdbFrames(gdb);
        check(core, root, pid, oracle);
    }

    /** Holds all threads of the core against gdb, and those of the process that are where they were. */
    private static void check(Path core, Path root, long pid, GdbFrames oracle) {
        try (Target target = Target.core(core, root)) {
            oracle.check(target);
        }
        assertThat(oracle.differing()).as("%s", oracle).isZero();
        assertThat(oracle.agreeing() + oracle.lost()).as("%s", oracle).isEqualTo(oracle.threads());
        try (Target target = Target.attach(pid)) {
            oracle.check(target);
        }
        assertThat(oracle.differing()).as("%s", oracle).isZero();
        assertThat(oracle.lost()).isZero();
        // Some work, and have gone on.
        assertThat(oracle.agreeing()).as("%s", oracle).isGreaterThan(oracle.threads() / 2);
    }
}
