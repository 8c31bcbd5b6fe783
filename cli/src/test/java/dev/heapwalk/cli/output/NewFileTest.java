// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.cli.Racer;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A file that gets its name in the end, also where others take its names away. */
final class NewFileTest {
    private static final int ROUNDS = 200;
    private static final String WRITTEN = "what was written\n";

    @TempDir
    private Path folder;

    private static NewFile at(Path wanted) throws IOException {
        return new NewFile(wanted, (Place.Name) Place.of(wanted));
    }

    private static void write(NewFile file) throws IOException {
        file.channel().write(ByteBuffer.wrap(WRITTEN.getBytes(StandardCharsets.US_ASCII)), 0);
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }

    private Path temporary() throws IOException {
        return files(folder).stream()
                .filter(file -> file.toString().endsWith(".part"))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void getsItsNameWhenItIsComplete() throws IOException {
        Path wanted = Files.writeString(folder.resolve("file"), "old");
        Path other = Files.createLink(folder.resolve("other"), wanted);
        try (NewFile file = at(wanted)) {
            write(file);
            assertThat(wanted).hasContent("old");
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(temporary())))
                    .isEqualTo("rw-------");
            file.complete();
        }
        assertThat(files(folder)).containsExactly(wanted, other);
        assertThat(wanted).hasContent(WRITTEN);
        assertThat(other).hasContent("old");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(wanted)))
                .isEqualTo("rw-------");
    }

    @Test
    void leavesNothingThatIsNotComplete() throws IOException {
        Path wanted = folder.resolve("file");
        try (NewFile file = at(wanted)) {
            write(file);
        }
        assertThat(files(folder)).isEmpty();
        Path moved = folder.resolve("moved");
        try (NewFile file = at(wanted)) {
            write(file);
            Files.move(temporary(), moved);
        }
        // It can't be found, but it can be emptied.
        assertThat(files(folder)).containsExactly(moved);
        assertThat(moved).isEmptyFile();
        assertThatThrownBy(() -> at(folder.resolve("none/file"))).isInstanceOf(NoSuchFileException.class);
        assertThatThrownBy(() -> at(moved.resolve("file")))
                .isInstanceOf(FileSystemException.class)
                .hasMessageContaining("Not a directory");
    }

    @Test
    void isNotTakenForWhatStandsInItsPlace() throws IOException {
        Path victim = Files.writeString(Files.createTempFile("heapwalk", ".victim"), "victim");
        try {
            Path wanted = folder.resolve("file");
            try (NewFile file = at(wanted)) {
                write(file);
                Path temporary = temporary();
                Files.move(temporary, folder.resolve("moved"));
                Files.createSymbolicLink(temporary, victim);
                write(file);
                assertThatThrownBy(file::complete)
                        .isInstanceOf(RefusedException.class)
                        .hasMessageContaining("can't write " + wanted)
                        .hasMessageContaining("another user has moved");
            }
            assertThat(wanted).doesNotExist();
            Files.delete(temporary());
            try (NewFile file = at(wanted)) {
                write(file);
                Files.delete(temporary());
                assertThatThrownBy(file::complete)
                        .isInstanceOf(RefusedException.class)
                        .hasMessageContaining("another user has removed");
            }
            assertThat(wanted).doesNotExist();
            assertThat(victim).hasContent("victim");
        } finally {
            Files.delete(victim);
        }
    }

    /** The name that was asked for leads to another folder in the end. */
    @Test
    void isNotTakenForWhatItsPathLeadsToByNow() throws IOException {
        Path before = Files.createDirectory(folder.resolve("before"));
        Path now = Files.createDirectory(folder.resolve("now"));
        Path link = Files.createSymbolicLink(folder.resolve("link"), before);
        Path wanted = link.resolve("file");
        try (NewFile file = at(wanted)) {
            write(file);
            Files.delete(link);
            Files.createSymbolicLink(link, now);
            assertThatThrownBy(file::complete)
                    .isInstanceOf(RefusedException.class)
                    .hasMessageContaining(wanted + " is not what was written");
        }
        assertThat(files(now)).isEmpty();
        assertThat(before.resolve("file")).hasContent(WRITTEN);
    }

    /** Nor what does not fit into memory, in a temporary folder of that user's. */
    @Test
    void anotherUserCanNotTurnTemporaryFilesElsewhere() throws Exception {
        if (!Racer.possible("another user's attacks on temporary files")) {
            return;
        }
        byte[] mebibyte = new byte[1 << 20];
        Arrays.fill(mebibyte, (byte) 'x');
        Path theirs;
        try (Racer racer = Racer.start(folder, Racer.Way.FILES_IN_ITS_FOLDER)) {
            theirs = racer.wanted().getParent();
            for (int round = 0; round < 30; round++) {
                try (Spool spool = new Spool(theirs)) {
                    for (int i = 0; i < 36; i++) {
                        spool.write(mebibyte, 0, mebibyte.length);
                    }
                    racer.checkVictims();
                    spool.transferTo(new OutputStream() {
                        @Override
                        public void write(int one) {
                            throw new AssertionError("it is written in pieces");
                        }

                        @Override
                        public void write(byte[] bytes, int offset, int length) {
                            assertThat(Arrays.equals(bytes, offset, offset + length, mebibyte, 0, length))
                                    .isTrue();
                        }
                    });
                }
                racer.checkVictims();
            }
        }
        // What the other user could get hold of has nothing in it that it could read.
        for (Path left : files(theirs)) {
            assertThat(Files.isSymbolicLink(left)
                            || PosixFilePermissions.toString(Files.getPosixFilePermissions(left))
                                    .equals("rw-------"))
                    .isTrue();
        }
    }

    /**
     * Another user swaps names for links to a file of root's, as fast as it goes. What is asked for is refused or
     * written; that file never changes.
     */
    @ParameterizedTest
    @EnumSource(Racer.Way.class)
    void anotherUserCanNotTurnItElsewhere(Racer.Way way) throws Exception {
        if (!Racer.possible("another user's attacks on files that are written")) {
            return;
        }
        try (Racer racer = Racer.start(folder, way)) {
            int written = 0;
            int refused = 0;
            long end = System.nanoTime() + ThisMachine.PATIENCE.toNanos();
            for (int round = 0; round < ROUNDS || refused == 0 && System.nanoTime() < end; round++) {
                try (NewFile file = at(racer.wanted())) {
                    write(file);
                    Thread.sleep(round % 4);
                    write(file);
                    file.complete();
                    written++;
                    if (way == Racer.Way.LINKS_IN_A_SHARED_FOLDER) {
                        // Nobody but root can take this name away by now.
                        assertThat(Files.isRegularFile(racer.wanted(), LinkOption.NOFOLLOW_LINKS))
                                .isTrue();
                        assertThat(racer.wanted()).hasContent(WRITTEN);
                        Files.delete(racer.wanted());
                    }
                } catch (RefusedException | FileSystemException e) {
                    refused++;
                }
                racer.checkVictims();
            }
            assertThat(refused).as("of %d written", written).isPositive();
        }
    }
}
