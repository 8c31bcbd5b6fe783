// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code bin/heapwalk}: which JDK it takes, when it builds, how large the heap of the JVM may be. */
final class LauncherIT {
    private static final Path JDK = Path.of(System.getProperty("java.home"));

    @TempDir
    private Path folder;

    /** A folder that looks like a JDK; whoever starts its java finds that out. */
    private Path jdk(String name, String version) throws IOException {
        Path home = Files.createDirectories(folder.resolve(name));
        Files.createDirectories(home.resolve("bin"));
        Files.writeString(home.resolve("release"), "IMPLEMENTOR=\"Nobody\"\nJAVA_VERSION=\"" + version + "\"\n");
        for (String tool : List.of("java", "javac")) {
            Path script = Files.writeString(
                    home.resolve("bin").resolve(tool), "#!/bin/sh\necho ran " + home + " with \"$*\"\n");
            Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        return home;
    }

    private Run launch(Path script, Map<String, String> environment, String... arguments) {
        ProcessBuilder builder = new ProcessBuilder(Stream.concat(Stream.of(script.toString()), Stream.of(arguments))
                .toList());
        builder.directory(folder.toFile());
        builder.environment().remove("JAVA_HOME");
        builder.environment().putAll(environment);
        builder.environment().values().removeIf(String::isEmpty);
        return Run.of(builder);
    }

    private Run choose(Map<String, String> environment) {
        return launch(Run.checkout().resolve("bin/heapwalk"), environment, "--version");
    }

    @Test
    void takesTheJdkThatItsReleaseFileNames() throws IOException {
        Path old = jdk("jdks/jdk-17", "17.0.15");
        Path veryOld = jdk("jdks/jdk8", "1.8.0_402");
        String folders = folder.resolve("jdks").toString();
        Run none = choose(Map.of("HEAPWALK_JDKS", folders, "PATH", "/nowhere:" + toolsOnly()))
                .exited(1);
        none.said("a JDK 25 or later is needed", "17.0.15 in " + old, "1.8.0_402 in " + veryOld, "install");
        assertThat(none.text()).as("no JVM is started to ask").isEmpty();

        Path fit = jdk("jdks/zulu 26", "26-ea");
        assertThat(choose(Map.of("HEAPWALK_JDKS", folders)).exited(0).text())
                .startsWith("ran " + fit + " with ")
                .contains("--enable-native-access=ALL-UNNAMED", "dev.heapwalk.cli.Heapwalk --version");
        Path named = jdk("named", "25.0.1");
        assertThat(choose(Map.of("HEAPWALK_JDKS", folders, "JAVA_HOME", named.toString()))
                        .exited(0)
                        .text())
                .startsWith("ran " + named + " with ");
        assertThat(choose(Map.of("HEAPWALK_JDKS", folders, "JAVA_HOME", old.toString()))
                        .exited(0)
                        .text())
                .startsWith("ran " + fit + " with ");
        String path = named.resolve("bin") + ":" + toolsOnly();
        assertThat(choose(Map.of("HEAPWALK_JDKS", folder.resolve("nothing").toString(), "PATH", path))
                        .exited(0)
                        .text())
                .startsWith("ran " + named + " with ");
        Run nothing = choose(Map.of("HEAPWALK_JDKS", folder.resolve("nothing").toString(), "PATH", toolsOnly()));
        nothing.exited(1).said("found none");
    }

    /** What is known of each object that a program has traced is in a table. */
    @Test
    void tablesOfMillionsOfObjectsHaveRoom() throws IOException {
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "little").start()) {
            String made = process.ask("eval require 'objspace'; ObjectSpace.trace_object_allocations_start; "
                            + "$traced = Array.new(2_600_000) { Object.new }; "
                            + "ObjectSpace.trace_object_allocations_stop; $traced.size")
                    .getLast();
            assertThat(made).isEqualTo("2600000");
            Run run = Run.launched("ruby", "count", String.valueOf(process.pid()), "--allocations", "Object")
                    .exited(0);
            assertThat(run.text()).contains("2600000");
        }
    }

    /** A PATH with what the launcher itself needs, and no java. */
    private String toolsOnly() throws IOException {
        Path tools = Files.createDirectories(folder.resolve("tools"));
        Path readlink = tools.resolve("readlink");
        if (!Files.exists(readlink)) {
            Files.writeString(readlink, "#!/bin/sh\nexec /bin/readlink \"$@\"\n");
            Files.setPosixFilePermissions(readlink, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        return tools.toString();
    }

    private Path copyOfTheCheckout() throws IOException {
        Path copy = Files.createDirectories(folder.resolve("a copy"));
        Path checkout = Run.checkout();
        Files.walkFileTree(checkout, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
                // What is built there may change meanwhile.
                return folder.endsWith("target") || folder.endsWith(".git")
                        ? FileVisitResult.SKIP_SUBTREE
                        : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Path relative = checkout.relativize(file);
                String name = relative.toString();
                if (name.endsWith("pom.xml")
                        || name.startsWith("bin/")
                        || name.startsWith("script/") && name.endsWith(".sh")
                        || name.contains("src/main/")) {
                    Path destination = copy.resolve(relative);
                    Files.createDirectories(destination.getParent());
                    Files.copy(file, destination);
                }
                return FileVisitResult.CONTINUE;
            }
        });
        return copy;
    }

    @Test
    void buildsOnceAndThenOnlyWhenSourcesChange() throws Exception {
        Path copy = copyOfTheCheckout();
        Path script = copy.resolve("bin/heapwalk");
        Map<String, String> environment = Map.of("JAVA_HOME", JDK.toString(), "HEAPWALK_IN_BUILD", "");

        // Two at once: one builds, the other waits for it.
        CompletableFuture<Run> other = CompletableFuture.supplyAsync(() -> launch(script, environment, "--version"));
        Run one = launch(script, environment, "--version").exited(0);
        Run two = other.get().exited(0);
        assertThat(one.text()).startsWith("heapwalk ").isEqualTo(two.text());
        List<String> told = (one.err() + two.err()).lines().toList();
        assertThat(told)
                .as("one line for each module, once")
                .startsWith("heapwalk: building (this takes a moment, and only happens when sources changed)")
                .endsWith("heapwalk: making its start fast")
                .doesNotHaveDuplicates();
        assertThat(told.stream().filter(line -> line.matches("heapwalk: building Heapwalk [\\w ]+ \\(\\d+/\\d+\\)")))
                .hasSizeGreaterThan(6);

        // A Maven run in the same checkout has those folders to itself.
        try (Stream<Path> files = Files.walk(copy)) {
            assertThat(files.filter(file -> file.endsWith("target"))).containsExactly(copy.resolve("target"));
        }

        Path link = Files.createSymbolicLink(folder.resolve("hw"), script);
        Run again = launch(link, environment, "--version").exited(0);
        assertThat(again.text()).isEqualTo(one.text());
        assertThat(again.err()).as("it is built").isEmpty();

        Path state = copy.resolve("target/heapwalk");
        Path current = state.resolve("current").toRealPath();
        Path cache;
        try (Stream<Path> files = Files.list(current)) {
            cache = files.filter(file -> file.toString().endsWith(".aot"))
                    .findFirst()
                    .orElseThrow();
        }
        assertThat(Files.size(cache)).as("a cache was made").isGreaterThan(1 << 20);
        byte[] whole = Files.readAllBytes(cache);
        for (byte[] spoilt : List.of(new byte[0], new byte[5000], Arrays.copyOf(whole, whole.length / 2))) {
            Files.write(cache, spoilt);
            Run run = launch(script, environment, "--version").exited(0);
            assertThat(run.text()).isEqualTo(one.text());
            assertThat(run.err()).isEmpty();
        }
        Files.write(cache, whole);

        if ("root".equals(System.getProperty("user.name"))) {
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
            ProcessBuilder builder = new ProcessBuilder(
                    "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", script.toString(), "--version");
            builder.environment().remove("HEAPWALK_IN_BUILD");
            builder.environment().put("JAVA_HOME", JDK.toString());
            assertThat(Run.of(builder).exited(0).text()).isEqualTo(one.text());
        }

        // A file that ends early is refused by the parser, before the rest of the compiler sees what is wrong in it.
        Path source = copy.resolve("cli/src/main/java/dev/heapwalk/cli/command/Mode.java");
        Files.writeString(source, "package dev.heapwalk.cli.command;\n\nenum Mode {\n");
        Run broken = launch(script, environment, "--version").exited(1);
        assertThat(broken.err()).contains("Mode.java", "the build failed", "build.log");
        assertThat(broken.text()).isEmpty();
        assertThat(state.resolve("current").toRealPath())
                .as("the old state is left")
                .isEqualTo(current);
    }
}
