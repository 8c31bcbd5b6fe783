// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.cli.Racer;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Where paths lead, and by whose links. What {@code readlink} says is the measure. */
final class PlaceTest {
    private static final int NOBODY = 65534;

    @TempDir
    private Path folder;

    @BeforeEach
    void make() throws IOException {
        Files.createDirectories(folder.resolve("a/b"));
        Files.writeString(folder.resolve("a/file"), "text");
        Files.createSymbolicLink(folder.resolve("relative"), Path.of("a/b/../file"));
        Files.createSymbolicLink(folder.resolve("absolute"), folder.resolve("a/file"));
        Files.createSymbolicLink(folder.resolve("dangling"), Path.of("a/none"));
        Files.createSymbolicLink(folder.resolve("a/up"), Path.of(".."));
        Files.createSymbolicLink(folder.resolve("chain"), Path.of("a/up/relative"));
        Files.createSymbolicLink(folder.resolve("loop"), Path.of("loop"));
    }

    private static String readlink(Path path) throws IOException {
        Process process = new ProcessBuilder("readlink", "-f", path.toString()).start();
        return process.inputReader().readLine();
    }

    private static String led(Path path) throws IOException {
        try (Place place = Place.of(path)) {
            Place.Name name = (Place.Name) place;
            Path found = Files.readSymbolicLink(name.folder().path()).resolve(name.name());
            assertThat(name.file().isPresent()).isEqualTo(Files.exists(found));
            return found.toString();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "new",
                "a/file",
                "./a//b/../file",
                "a/b/new",
                "relative",
                "absolute",
                "dangling",
                "chain",
                "a/up/a/up/a/up/chain",
                "a/up/a/b/../../dangling"
            })
    void ownLinksLeadWhereTheyLead(String path) throws IOException {
        Path absolute = folder.resolve(path);
        assertThat(led(absolute)).isEqualTo(readlink(absolute));
        Path relative = Path.of("").toAbsolutePath().relativize(absolute);
        assertThat(led(relative)).isEqualTo(readlink(absolute));
        Path byProcess = Path.of("/proc/self/root" + absolute);
        assertThat(led(byProcess)).isEqualTo(readlink(absolute));
    }

    @Test
    void pathsThatLeadNowhere() {
        for (String path : List.of("a", ".", "a/b/..", "a/up", "/")) {
            assertThatThrownBy(() -> Place.of(folder.resolve(path))).hasMessage("it is a folder");
        }
        assertThatThrownBy(() -> Place.of(folder.resolve("loop"))).hasMessageContaining("Too many levels");
        assertThatThrownBy(() -> Place.of(folder.resolve("a/file/x")))
                .isInstanceOf(FileSystemException.class)
                .hasMessageContaining("Not a directory");
        assertThatThrownBy(() -> Place.of(folder.resolve("dangling/x"))).isInstanceOf(NoSuchFileException.class);
        assertThatThrownBy(() -> Place.of(Path.of("/dev/fd/987654"))).hasMessage("there is no such descriptor");
        assertThatThrownBy(() -> Place.of(Path.of("/proc/"
                        + ProcessHandle.current().parent().orElseThrow().pid() + "/fd/0")))
                .hasMessageContaining("what another process has open");
    }

    @Test
    void whatIsWrittenInPlace() throws IOException, InterruptedException {
        assertThat(Place.of(Path.of("/dev/stdout"))).isEqualTo(new Place.Open(1));
        assertThat(Place.of(Path.of("/dev/fd/2"))).isEqualTo(new Place.Open(2));
        assertThat(Place.of(Path.of("/proc/thread-self/fd/1"))).isEqualTo(new Place.Open(1));
        assertThat(Place.of(Path.of("/proc/" + ProcessHandle.current().pid() + "/fd/2")))
                .isEqualTo(new Place.Open(2));
        Path link = Files.createSymbolicLink(folder.resolve("out"), Path.of("/dev/stdout"));
        assertThat(Place.of(link)).isEqualTo(new Place.Open(1));
        Path pipe = folder.resolve("pipe");
        new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor();
        for (Path path : List.of(Path.of("/dev/null"), pipe)) {
            try (Place place = Place.of(path)) {
                assertThat(place).isInstanceOf(Place.Special.class);
            }
        }
    }

    /** Whether they lead to anything or not, at the end and on the way, also in a folder of their owner's. */
    @ParameterizedTest
    @CsvSource({
        "relative, relative",
        "absolute, absolute",
        "dangling, dangling",
        "chain, relative",
        "a/up/a/file, a/up",
        "a/up/new, a/up",
        "loop, loop"
    })
    void linksOfOthersAreRefused(String path, String theirs) throws IOException {
        if (!Racer.possible("links of another user")) {
            return;
        }
        Path link = folder.resolve(theirs);
        for (int mode : new int[] {0755, 01777}) {
            Files.setAttribute(folder, "unix:mode", mode);
            Files.setAttribute(link, "unix:uid", NOBODY, LinkOption.NOFOLLOW_LINKS);
            assertThatThrownBy(() -> Place.of(folder.resolve(path)))
                    .isInstanceOf(RefusedException.class)
                    .hasMessageContainingAll(
                            "can't write " + folder.resolve(path), readlink(link.getParent()), "(uid " + NOBODY + ")");
        }
        // Not as a link: this gets another file's name.
        Files.setAttribute(folder.resolve("a/file"), "unix:uid", NOBODY);
        assertThat(led(folder.resolve("a/file"))).isEqualTo(readlink(folder.resolve("a/file")));
    }

    @Test
    void pipesOfOthersAreRefused() throws Exception {
        if (!Racer.possible("pipes of another user")) {
            return;
        }
        Path pipe = folder.resolve("pipe");
        new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor();
        Files.setAttribute(pipe, "unix:uid", NOBODY);
        assertThatThrownBy(() -> Place.of(pipe))
                .isInstanceOf(RefusedException.class)
                .hasMessageContaining("a pipe of another user (uid " + NOBODY + ")");
    }
}
