// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.ThisMachine;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Jars of others, which {@code HEAPWALK_PLUGINS} names. */
final class PluginsIT {
    private static final String PROGRAM = """
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>
            int main(void) {
                for (int i = 0; i < 300; i++) {
                    char *p = malloc(200);
                    memset(p, 0x80, 200);
                    memcpy(p, "ACME", 4);
                    if (i % 3 == 0) free(p);
                }
                puts("READY");
                fflush(stdout);
                pause();
            }
            """;

    private static final String CATEGORIZER = """
            package acme;
            import dev.heapwalk.heap.*;
            import dev.heapwalk.heap.usage.*;
            public final class Widgets implements CategorizerProvider {
                private static final Category WIDGET = new Category(new Domain("acme"), "widget", "");
                @Override
                public Categorizer categorizer(Heaps heaps) {
                    return (block, window) -> {
                        long offset = window.find(block.address(), 4);
                        return offset >= 0 && window.segment().get(java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED, offset) == 0x454d4341
                            ? WIDGET : Category.NONE;
                    };
                }
            }
            """;

    /** Says on the error stream when it is asked about a target. */
    private static final String HEAP = """
            package acme;
            import dev.heapwalk.heap.*;
            import dev.heapwalk.memory.Target;
            public final class Arena implements HeapProvider {
                @Override public Class<? extends Heap> type() { return Heap.class; }
                @Override public HeapLayer layer() { return HeapLayer.RUNTIME; }
                @Override public boolean isLikely(Target target) {
                    System.err.println("ACME ASKED");
                    return false;
                }
                @Override public Heap locate(Target target) { throw new IllegalStateException(); }
            }
            """;

    private static final String FAILING = """
            package acme;
            import dev.heapwalk.heap.*;
            import dev.heapwalk.heap.usage.*;
            public final class Failing implements CategorizerProvider {
                @Override
                public Categorizer categorizer(Heaps heaps) {
                    return (block, window) -> { throw new IllegalArgumentException("no widget"); };
                }
            }
            """;

    @TempDir
    private Path folder;

    private interface Check {
        void on(String pid) throws IOException;
    }

    private static void running(Check check) throws Exception {
        running("acme", PROGRAM, check);
    }

    private static void running(String name, String source, Check check) throws Exception {
        Process process = new ProcessBuilder(CProgram.compile(name, source).toString()).start();
        try {
            assertThat(process.inputReader().readLine()).isEqualTo("READY");
            check.on(Long.toString(process.pid()));
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private Path jar(String service, String name, String source) throws IOException {
        Path file = Files.createDirectories(folder.resolve(name + "/acme")).resolve(name + ".java");
        Files.writeString(file, source);
        Path classes = folder.resolve(name + "-classes");
        String path = Jars.all().stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
        String compiler = Path.of(System.getProperty("java.home"), "bin/javac").toString();
        Run.of(new ProcessBuilder(compiler, "-cp", path, "-d", classes.toString(), file.toString()))
                .exited(0);
        Path services = Files.createDirectories(classes.resolve("META-INF/services"));
        Files.writeString(services.resolve(service), "acme." + name);
        Path jar = folder.resolve(name + ".jar");
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar));
                Stream<Path> all = Files.walk(classes)) {
            for (Path each : all.filter(Files::isRegularFile).toList()) {
                out.putNextEntry(new JarEntry(classes.relativize(each).toString()));
                Files.copy(each, out);
                out.closeEntry();
            }
        }
        return jar;
    }

    private static Run with(List<Path> jars, String... arguments) {
        List<String> line = new ArrayList<>();
        line.add(Run.checkout().resolve("bin/heapwalk").toString());
        line.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(line);
        builder.environment()
                .put(
                        "HEAPWALK_PLUGINS",
                        jars.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator)));
        return Run.of(builder);
    }

    @Test
    void aCategorizerOfAnotherJarIsAsked() throws Exception {
        Path jar = jar("dev.heapwalk.heap.usage.CategorizerProvider", "Widgets", CATEGORIZER);
        running(pid -> {
            Run run = with(List.of(jar), "summary", "--format=jsonl", pid).exited(0);
            assertThat(run.rows().stream()
                            .filter(row -> row.get("domain").textValue().equals("acme")))
                    .singleElement()
                    .satisfies(row -> {
                        assertThat(row.get("kind").textValue()).isEqualTo("widget");
                        assertThat(row.get("count").longValue()).isEqualTo(200);
                    });
            assertThat(Run.heapwalk("summary", pid).exited(0).text()).doesNotContain("acme");
        });
    }

    private static String example(String page, String language) {
        Matcher block =
                Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL).matcher(page);
        assertThat(block.find()).as(language).isTrue();
        return block.group(1);
    }

    /** What the page on categories shows. */
    @Test
    void theExampleOfTheDocumentationIsAsked() throws Exception {
        String page = Files.readString(Run.checkout().resolve("docs/categorizers.md"));
        String source = example(page, "java");
        assertThat(source.lines()).hasSizeLessThan(40);
        Path jar = jar("dev.heapwalk.heap.usage.CategorizerProvider", "Sessions", source);
        running("shopd", example(page, "c"), pid -> {
            Run run = with(List.of(jar), "summary", "--format=jsonl", pid).exited(0);
            assertThat(run.rows().stream()
                            .filter(row -> row.get("domain").textValue().equals("shop")))
                    .singleElement()
                    .satisfies(row -> {
                        assertThat(row.get("kind").textValue()).isEqualTo("session");
                        assertThat(row.get("count").longValue()).isEqualTo(500);
                        assertThat(row.get("bytes").longValue()).isEqualTo(16_000);
                    });
        });
        // It says nothing of other programs.
        running(pid ->
                assertThat(with(List.of(jar), "summary", pid).exited(0).text()).doesNotContain("shop"));
    }

    /** Who has the command run as another user must not have code of their own run as that user. */
    @Test
    void codeOfAnotherUserIsNotRun() throws Exception {
        if (!"root".equals(System.getProperty("user.name"))) {
            String why = "only root can start a program with another real user";
            ThisMachine.leavesOut("that plug-ins are ignored where the real and the effective user differ", why);
            abort(why);
        }
        Path jar = jar("dev.heapwalk.heap.usage.CategorizerProvider", "Widgets", CATEGORIZER);
        running(pid -> {
            ProcessBuilder builder = new ProcessBuilder(List.of(
                    "setpriv",
                    "--ruid=65534",
                    Path.of(System.getProperty("java.home"), "bin/java").toString(),
                    "--enable-native-access=ALL-UNNAMED",
                    "-cp",
                    Jars.all().stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator)),
                    "dev.heapwalk.cli.Heapwalk",
                    "summary",
                    pid));
            builder.environment().put("HEAPWALK_PLUGINS", jar.toString());
            Run run = Run.of(builder).said("HEAPWALK_PLUGINS is ignored");
            assertThat(run.text()).doesNotContain("acme");
        });
    }

    /** A command about an allocator has no runtime looked for; one about usage has. */
    @Test
    void onlyWhoNeedsRuntimesLooksForThem() throws Exception {
        Path jar = jar("dev.heapwalk.heap.HeapProvider", "Arena", HEAP);
        running(pid -> {
            for (String command : List.of("free", "arenas", "bins", "tcache", "sizes")) {
                assertThat(with(List.of(jar), command, pid).exited(0).err())
                        .as(command)
                        .doesNotContain("ACME ASKED");
            }
            for (String command : List.of("summary", "used", "all")) {
                assertThat(with(List.of(jar), command, pid).exited(0).err())
                        .as(command)
                        .contains("ACME ASKED");
            }
        });
    }

    @Test
    void whatFailsIsNamed() throws Exception {
        Path jar = jar("dev.heapwalk.heap.usage.CategorizerProvider", "Failing", FAILING);
        running(pid -> {
            Run run = with(List.of(jar), "summary", pid).exited(1);
            assertThat(run.out()).isEmpty();
            assertThat(run.err().lines()).singleElement().asString().contains("acme.Failing", "no widget", "0x");
        });
        Path missing = folder.resolve("nothing.jar");
        with(List.of(jar, missing), "summary", "1")
                .exited(2)
                .said("HEAPWALK_PLUGINS", missing.toString(), "is not there");
    }

    /** A class loader would pass over it, and nobody would know why the categories are not there. */
    @Test
    void whatIsNoJarIsRefused() throws Exception {
        Path jar = jar("dev.heapwalk.heap.usage.CategorizerProvider", "Widgets", CATEGORIZER);
        byte[] content = Files.readAllBytes(jar);
        Path text = Files.writeString(folder.resolve("notes.jar"), "a jar in name only\n");
        Path empty = Files.createFile(folder.resolve("empty.jar"));
        Path cut = Files.write(folder.resolve("cut.jar"), Arrays.copyOf(content, content.length / 2));
        for (Path wrong : List.of(text, empty, cut, Path.of("/dev/null"))) {
            Run run = with(List.of(jar, wrong), "summary", "1").exited(2);
            assertThat(run.out()).as(wrong.toString()).isEmpty();
            assertThat(run.err().lines())
                    .as(wrong.toString())
                    .singleElement()
                    .asString()
                    .contains("HEAPWALK_PLUGINS", wrong.toString(), "neither a jar nor a folder");
        }
    }

    @Test
    void aFolderIsAsGoodAsAJar() throws Exception {
        jar("dev.heapwalk.heap.usage.CategorizerProvider", "Widgets", CATEGORIZER);
        running(pid -> assertThat(with(List.of(folder.resolve("Widgets-classes")), "summary", pid)
                        .exited(0)
                        .text())
                .contains("acme"));
    }
}
