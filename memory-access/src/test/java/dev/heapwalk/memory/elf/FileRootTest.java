// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileRootTest {
    @TempDir
    private Path folder;

    private final List<Path> links = new ArrayList<>();
    private Path root;

    @BeforeEach
    void plant() throws IOException {
        root = Files.createDirectories(folder.resolve("root"));
        Files.writeString(folder.resolve("outside"), "outside");
        Files.createDirectories(root.resolve("usr/lib"));
        Files.writeString(root.resolve("usr/lib/libx.so.1"), "inside");
    }

    private void link(String name, String to) throws IOException {
        links.add(Files.createSymbolicLink(root.resolve(name), Path.of(to)));
    }

    @AfterEach
    void removeLinks() throws IOException {
        for (Path link : links) {
            Files.delete(link);
        }
    }

    @Test
    void linksAreFollowedInside() throws IOException {
        link("lib", "usr/lib");
        link("lib64", "/usr/lib");
        link("usr/lib/libx.so", "../../lib64/./libx.so.1");
        Path file = root.resolve("usr/lib/libx.so.1");
        for (String path :
                new String[] {"/lib/libx.so.1", "/lib64/libx.so", "/usr//lib/../lib/libx.so", "/../../lib/libx.so"}) {
            assertThat(new FileRoot(root).candidates(path)).as(path).hasSize(1);
            assertThat(new FileRoot(root).candidates(path).getFirst()).isEqualTo(file);
        }
    }

    @Test
    void noLinkLeadsOut() throws IOException {
        link("absolute", folder.resolve("outside").toString());
        link("relative", "../outside");
        link("up", "../../../../../../../../.." + folder.resolve("outside"));
        link("folder", folder.toString());
        for (String path : new String[] {"/absolute", "/relative", "/up", "/folder/outside", "/../outside"}) {
            assertThat(new FileRoot(root).candidates(path)).as(path).isEmpty();
        }
        // What a link leads to inside the root is taken, though a file of that name lies outside.
        Path twin = root.resolve(folder.resolve("outside").toString().substring(1));
        Files.createDirectories(twin.getParent());
        Files.writeString(twin, "twin");
        assertThat(new FileRoot(root).candidates("/absolute")).containsExactly(twin);
    }

    @Test
    void whatIsNoRegularFileIsNotTouched() throws IOException {
        Oracle.lines("mkfifo", root.resolve("fifo").toString());
        link("itself", "itself");
        link("ping", "pong");
        link("pong", "ping");
        link("to-fifo", "fifo");
        for (String path : new String[] {
            "/fifo", "/to-fifo", "/itself", "/ping", "/usr", "/", "", "/usr/lib/libx.so.1/more", "/a\0b"
        }) {
            assertThat(new FileRoot(root).candidates(path)).as(path).isEmpty();
        }
        assertThat(new FileRoot(Path.of("/")).candidates("/dev/zero")).isEmpty();
    }

    @Test
    void pathsWithTheRootInFrontAreUnderstood() throws IOException {
        Path file = root.resolve("usr/lib/libx.so.1");
        assertThat(new FileRoot(root).candidates(file.toString())).contains(file);
        assertThat(new FileRoot(root).inside(file.toString())).isEqualTo("/usr/lib/libx.so.1");
        // A file of this machine comes second.
        assertThat(new FileRoot(root).candidates("/usr/bin/gdb").getLast().toString())
                .startsWith("/usr/");
    }
}
