// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetOptions;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** That what a process has mapped of files, and not in memory, is read without a page of it becoming resident. */
final class MappedFilesTest {
    private static final int PAGE = 4096;
    /** The file ends in the middle of a page. */
    private static final int LENGTH = 300 * PAGE + 1000;

    private static final int READABLE = 301 * PAGE;
    private static final int MAPPED = 310 * PAGE;

    private static final String SOURCE = """
            #include <fcntl.h>
            #include <stdio.h>
            #include <string.h>
            #include <sys/mman.h>
            #include <unistd.h>
            int main(int argc, char **argv) {
                int file = open(argv[1], O_RDONLY);
                char *area = mmap(0, 310 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
                madvise(area, 310 * 4096, MADV_RANDOM);
                memset(area + 100 * 4096, 7, 4096);
                if (argc > 2) unlink(argv[1]);
                printf("%lx\\n", (long) area);
                fflush(stdout);
                pause();
            }
            """;

    @TempDir
    private Path folder;

    private byte[] write(Path file) throws IOException {
        byte[] bytes = new byte[LENGTH];
        new Random(1).nextBytes(bytes);
        Files.write(file, bytes);
        byte[] expected = Arrays.copyOf(bytes, READABLE);
        Arrays.fill(expected, 100 * PAGE, 101 * PAGE, (byte) 7);
        return expected;
    }

    /** How much of a mapping is in memory, in KiB, as the kernel tells. */
    private static long resident(long pid, long address) throws IOException {
        List<String> lines = Files.readAllLines(Path.of("/proc/" + pid + "/smaps"), StandardCharsets.ISO_8859_1);
        int at = 0;
        while (!lines.get(at).startsWith(Long.toHexString(address) + "-")) {
            at++;
        }
        while (!lines.get(at).startsWith("Rss:")) {
            at++;
        }
        return Long.parseLong(lines.get(at).replaceAll("[^0-9]", ""));
    }

    private static Target open(CTarget program, String mode, Libc libc) {
        return mode.equals("stop")
                ? LiveTarget.attach(program.pid(), TargetOptions.DEFAULT, libc, ProcFs.ofThisMachine())
                : LiveTarget.observe(program.pid(), TargetOptions.DEFAULT, libc, ProcFs.ofThisMachine());
    }

    private static void isRead(AddressSpace memory, long area, byte[] expected) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(MAPPED);
            assertThat(memory.read(area, bytes)).isEqualTo(READABLE);
            assertThat(bytes.asSlice(0, READABLE).toArray(ValueLayout.JAVA_BYTE))
                    .isEqualTo(expected);
            // Within the last page, behind the end of the file, and behind that page.
            assertThat(memory.read(area + LENGTH + 50, bytes.asSlice(0, 100))).isEqualTo(100);
            assertThat(bytes.asSlice(0, 100).toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
            assertThat(memory.read(area + READABLE, bytes.asSlice(0, 1))).isZero();
            assertThat(memory.read(area + 99 * PAGE + 5, bytes.asSlice(0, 3 * PAGE)))
                    .isEqualTo(3 * PAGE);
            assertThat(bytes.asSlice(0, 3 * PAGE).toArray(ValueLayout.JAVA_BYTE))
                    .isEqualTo(Arrays.copyOfRange(expected, 99 * PAGE + 5, 102 * PAGE + 5));
        }
        try (Reader reader = memory.reader(1 << 20)) {
            for (int at = 0; at < READABLE; at += 777) {
                assertThat(reader.readByte(area + at)).isEqualTo(expected[at]);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"stop, link", "observe, link", "stop, path", "observe, path", "stop, words", "stop, short", "stop, mem"
    })
    void whatIsInAFileStaysThere(String mode, String how) throws IOException {
        Path file = folder.resolve("a file");
        byte[] expected = write(file);
        FakeLibc libc = new FakeLibc();
        switch (how) {
            case "path" -> libc.refuse("map_files");
            case "words" -> libc.always("ioctl", Errno.ENOSYS);
            case "short" -> libc.shortReads(5000);
            case "mem" -> libc.always("process_vm_readv", Errno.EPERM);
            default -> {}
        }
        try (CTarget program = CTarget.start("mapped-file", SOURCE, file.toString())) {
            long area = program.hex();
            long before = resident(program.pid(), area);
            try (Target target = open(program, mode, libc)) {
                isRead(target.memory(), area, expected);
            }
            assertThat(before).isEqualTo(4);
            assertThat(resident(program.pid(), area)).isEqualTo(before);
        }
    }

    @Test
    void aDeletedFileIsReadToo() throws IOException {
        Path file = folder.resolve("gone");
        byte[] expected = write(file);
        try (CTarget program = CTarget.start("mapped-file", SOURCE, file.toString(), "unlink")) {
            long area = program.hex();
            try (Target target = open(program, "stop", new FakeLibc())) {
                isRead(target.memory(), area, expected);
            }
            assertThat(resident(program.pid(), area)).isEqualTo(4);
        }
    }

    /** Where only the path is left, another file there is another file: the process itself is read. */
    @Test
    void anotherFileWithThatNameIsNotTakenForIt() throws IOException {
        Path file = folder.resolve("replaced");
        byte[] expected = write(file);
        try (CTarget program = CTarget.start("mapped-file", SOURCE, file.toString())) {
            long area = program.hex();
            Path other = folder.resolve("other");
            Files.write(other, new byte[LENGTH]);
            Files.move(other, file, StandardCopyOption.REPLACE_EXISTING);
            for (String mode : List.of("stop", "observe")) {
                try (Target target = open(program, mode, new FakeLibc().refuse("map_files"))) {
                    isRead(target.memory(), area, expected);
                }
            }
        }
    }
}
