// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Targets whose files and ids are not where the command's own are. */
final class ContainerIT {
    private static final int LIBC_BLOCKS = 6;
    private static final boolean ROOT = "root".equals(System.getProperty("user.name"));

    @TempDir
    private Path folder;

    /** A command line that enters new namespaces first. */
    private static List<String> unshare(String... rest) {
        List<String> line = new ArrayList<>(List.of("unshare"));
        if (!ROOT) {
            line.add("--map-root-user");
        }
        line.addAll(List.of(rest));
        return line;
    }

    @Test
    void ownPidAndMountNamespace() throws IOException {
        Path inside = Files.createDirectory(folder.resolve("inside"));
        List<String> line = unshare(
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "--",
                "sh",
                "-c",
                "mount -t tmpfs none \"$1\" && cp \"$0\" \"$1/known\" && exec \"$1/known\"",
                KnownProcess.program().toString(),
                inside.toString());
        try (KnownProcess known = KnownProcess.start(line)) {
            String status = Files.readString(Path.of("/proc", known.pid(), "status"));
            assertThat(status).containsPattern("NSpid:\t" + known.pid() + "\t1\n");
            assertThat(inside.resolve("known")).as("seen from here").doesNotExist();
            KnownBlocks.areListed(known, LIBC_BLOCKS);
            // Of its own namespace it is process 1, and here that is another one.
            Path core = folder.resolve("core." + known.pid());
            Run.of(new ProcessBuilder("gcore", "-o", folder.resolve("core").toString(), known.pid()))
                    .exited(0);
            KnownBlocks.areListedOfCore(known, LIBC_BLOCKS, core.toString(), "/");
        }
    }

    @Test
    void chrootWithItsOwnFiles() throws IOException {
        Path root = rootOfItsOwn();
        try (KnownProcess known = KnownProcess.start(inRoot(root))) {
            assertThat(Files.readString(Path.of("/proc", known.pid(), "maps"))).contains(root + "/lib/");
            KnownBlocks.areListed(known, LIBC_BLOCKS);
        }
    }

    @Test
    void filesReplacedWhileRunning() throws IOException {
        Path root = rootOfItsOwn();
        try (KnownProcess known = KnownProcess.start(inRoot(root))) {
            Path libc = root.resolve("lib/x86_64-linux-gnu/libc.so.6");
            Path other =
                    Release.debian().getFirst().root(false).orElseThrow().resolve("lib/x86_64-linux-gnu/libc.so.6");
            replace(libc, other);
            replace(root.resolve("known"), Path.of("/bin/true"));
            assertThat(Files.readString(Path.of("/proc", known.pid(), "maps"))).contains("libc.so.6 (deleted)");
            KnownBlocks.areListed(known, LIBC_BLOCKS);
        }
    }

    @Test
    void filesDeletedWhileRunning() throws IOException {
        Path root = rootOfItsOwn();
        try (KnownProcess known = KnownProcess.start(inRoot(root))) {
            for (Path file : files(root)) {
                Files.delete(file);
            }
            assertThat(Files.readSymbolicLink(Path.of("/proc", known.pid(), "exe"))
                            .toString())
                    .endsWith("(deleted)");
            KnownBlocks.areListed(known, LIBC_BLOCKS);
        }
    }

    private static void replace(Path file, Path by) throws IOException {
        Path part = Files.copy(by.toRealPath(), file.resolveSibling("part"), StandardCopyOption.COPY_ATTRIBUTES);
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static List<Path> files(Path root) throws IOException {
        try (Stream<Path> all = Files.walk(root)) {
            return all.filter(path -> !Files.isDirectory(path)).toList();
        }
    }

    private static List<String> inRoot(Path root) {
        return ROOT
                ? List.of("chroot", root.toString(), "/known")
                : unshare("--root=" + root, "--wd=/", "--", "/known");
    }

    /** A root folder with the program, the dynamic linker and the C library of this machine, and nothing else. */
    private Path rootOfItsOwn() throws IOException {
        Path root = Files.createDirectory(folder.resolve("root"));
        Files.copy(KnownProcess.program(), root.resolve("known"), StandardCopyOption.COPY_ATTRIBUTES);
        for (String file : List.of("lib64/ld-linux-x86-64.so.2", "lib/x86_64-linux-gnu/libc.so.6")) {
            Path copy = root.resolve(file);
            Files.createDirectories(copy.getParent());
            Files.copy(Path.of("/", file).toRealPath(), copy, StandardCopyOption.COPY_ATTRIBUTES);
        }
        return root;
    }
}
