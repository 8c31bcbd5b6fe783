// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DamagedCoreTest {
    @TempDir
    private Path folder;

    private void refused(Path file, String... words) {
        assertThatThrownBy(() -> Target.core(file).close())
                .isInstanceOf(UnsupportedTargetException.class)
                .hasMessageContaining(file.toString())
                .satisfies(e -> assertThat(e.getMessage()).contains(words).doesNotContain("\n"));
    }

    private Path file(String name, int... bytes) throws IOException {
        byte[] content = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            content[i] = (byte) bytes[i];
        }
        return Files.write(folder.resolve(name), content);
    }

    @Test
    void whatIsNoCoreIsNamed() throws IOException {
        refused(folder.resolve("absent"), "there is no core file");
        refused(folder, "is a folder");
        refused(file("empty"), "is empty");
        refused(Files.writeString(folder.resolve("text"), "hello\n"), "no ELF file");
        refused(file("one", 0x7f), "no ELF file");
        refused(file("zst", 0x28, 0xb5, 0x2f, 0xfd, 0), "zstd -d");
        refused(file("lz4", 0x04, 0x22, 0x4d, 0x18, 0), "lz4 -d");
        refused(file("gz", 0x1f, 0x8b, 8, 0), "gunzip");
        refused(file("xz", 0xfd, '7', 'z', 'X', 'Z', 0, 0), "unxz");
        refused(Files.writeString(folder.resolve("hprof"), "JAVA PROFILE 1.0.2\0"), "Java heap");
        refused(Path.of("/usr/bin/gdb"), "a program or library");
        refused(Path.of("/dev/null"), "no regular file");
        Path fifo = folder.resolve("fifo");
        Oracle.lines("mkfifo", fifo.toString());
        refused(fifo, "no regular file");
        byte[] header = Arrays.copyOf(Files.readAllBytes(Path.of("/bin/true")), 64);
        header[5] = 2;
        refused(Files.write(folder.resolve("big"), header), "big-endian");
        refused(Files.write(folder.resolve("short"), Arrays.copyOf(header, 40)), "big-endian");
        header[5] = 1;
        refused(Files.write(folder.resolve("cut"), Arrays.copyOf(header, 40)), "cut off");
        header[16] = 4;
        refused(Files.write(folder.resolve("bare"), header), "cut off at 64 bytes");
        header[56] = 0;
        refused(Files.write(folder.resolve("none"), header), "no program headers");
        Path core = new CoreBuilder().load(4096, 0x10000, 4096, new byte[4096]).write(folder.resolve("core"));
        assertThatThrownBy(() -> Target.core(core, folder.resolve("nowhere")).close())
                .isInstanceOf(UnsupportedTargetException.class)
                .hasMessageContaining("sysroot")
                .hasMessageContaining("nowhere");
    }

    @Test
    void aTruncatedCoreServesWhatIsThereAndNamesWhatIsNot() throws IOException {
        try (Subject subject = Subject.start()) {
            Path whole = subject.kernelCore();
            byte[] bytes = Files.readAllBytes(whole);
            List<long[]> segments = Oracle.segments(whole, "LOAD");
            for (int i = 0; i < 20; i++) {
                int length = i == 0 ? 64 + 3 * 56 + 20 : (int) ((long) bytes.length * i / 20);
                Path core = Files.write(folder.resolve("cut" + i), Arrays.copyOf(bytes, length));
                try (Target target = Target.core(core)) {
                    assertThat(target.notices()).isNotEmpty().allMatch(it -> it.contains(core.toString()));
                    assertThat(target.notices().getFirst()).contains("cut off");
                    assertThat(target.truncation())
                            .hasValueSatisfying(it -> assertThat(it.size()).isEqualTo(length));
                    for (long[] segment : segments) {
                        // offset, address, size in the file, size in memory
                        long there = Math.clamp(length - segment[0], 0, segment[2]);
                        if (there > 0 && length >= segments.getFirst()[0]) {
                            byte[] read = target.memory().readBytes(segment[1], (int) there);
                            int from = (int) segment[0];
                            assertThat(read).isEqualTo(Arrays.copyOfRange(bytes, from, from + (int) there));
                        }
                        if (there < segment[2]) {
                            long missing = segment[1] + there;
                            assertThat(target.memory().read(missing, MemorySegment.ofArray(new byte[1])))
                                    .as("0x%x of %s", missing, core)
                                    .isZero();
                            if (length >= segments.getFirst()[0]) {
                                assertThat(target.notices())
                                        .anyMatch(it ->
                                                it.contains("0x%x-0x%x".formatted(missing, segment[1] + segment[2])));
                            }
                        }
                    }
                    exercise(target);
                }
            }
        }
    }

    /** Asks for everything; whatever the answer is, it comes soon and is no other exception than a clear one. */
    private static void exercise(Target target) {
        AddressSpace memory = target.memory();
        Window window = memory.window();
        for (Mapping mapping : memory.mappings()) {
            window.find(mapping.start(), 8);
            window.find(mapping.end() - 8, 16);
            window.find(mapping.start() - 4, Window.MAX_LENGTH);
        }
        target.threads();
        for (ElfModule module : target.modules()) {
            module.path();
            module.buildId();
            module.soname();
            module.hasFullSymbols();
            module.symbol("malloc");
            module.symbol("main_arena");
            module.tlsSymbol("errno");
            module.tlsSize();
            module.tlsOffsetWords();
            module.tlsOffset();
            module.relativeRelocations();
            module.writableSegments();
        }
    }

    @Test
    void noDamageToHeadersAndNotesDoesHarm() throws IOException {
        try (Subject subject = Subject.start("-rdynamic")) {
            Path whole = subject.kernelCore();
            Path core = folder.resolve("core");
            Files.copy(whole, core, StandardCopyOption.REPLACE_EXISTING);
            List<long[]> loads = Oracle.segments(whole, "LOAD");
            long head = loads.getFirst()[0];
            Random random = new Random(20261121);
            long[] odd = {
                0,
                1,
                7,
                0x7f,
                0xff,
                0xffff,
                0x10000,
                0x7fffffffL,
                0x80000000L,
                0xffffffffL,
                Long.MAX_VALUE,
                Long.MIN_VALUE,
                -1,
                -8,
                -4096,
                1L << 40,
                1L << 47,
                0x7ffffffff000L
            };
            try (FileChannel channel = FileChannel.open(core, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                for (int round = 0; round < 600; round++) {
                    // Half of the rounds hit the core's own tables, the others the ELF headers and tables in its
                    // memory.
                    int hits = 1 + random.nextInt(4);
                    long[] at = new long[hits];
                    byte[][] before = new byte[hits][];
                    for (int i = 0; i < hits; i++) {
                        at[i] = round % 2 == 0 ? random.nextLong(head - 8) : place(loads, random);
                        before[i] = read(channel, at[i]);
                        ByteBuffer word = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
                        word.putLong(random.nextBoolean() ? odd[random.nextInt(odd.length)] : random.nextLong());
                        int size = 1 << random.nextInt(4);
                        channel.write(word.flip().limit(size), at[i]);
                    }
                    int number = round;
                    Assertions.assertTimeoutPreemptively(
                            ThisMachine.PATIENCE,
                            () -> {
                                try (Target target = Target.core(core)) {
                                    exercise(target);
                                } catch (TargetException e) {
                                    assertThat(e.getMessage())
                                            .as("round " + number)
                                            .contains(core.toString());
                                }
                            },
                            () -> "round " + number);
                    for (int i = hits - 1; i >= 0; i--) {
                        channel.write(ByteBuffer.wrap(before[i]), at[i]);
                    }
                }
            }
            assertThat(core).hasSameBinaryContentAs(whole);
        }
    }

    private static long place(List<long[]> loads, Random random) {
        while (true) {
            long[] load = loads.get(random.nextInt(loads.size()));
            if (load[2] >= 4096) {
                // The ELF header and its tables, or the dynamic section, which lies near the end of a small segment.
                return load[0]
                        + (random.nextBoolean()
                                ? random.nextLong(1024)
                                : random.nextLong(Math.min(load[2], 16384) - 8));
            }
        }
    }

    private static byte[] read(FileChannel channel, long at) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8);
        channel.read(bytes, at);
        return Arrays.copyOf(bytes.array(), bytes.position());
    }

    @Test
    void segmentsThatOverlapAreCut() throws IOException {
        byte[] first = new byte[8192];
        byte[] second = new byte[8192];
        Arrays.fill(first, (byte) 1);
        Arrays.fill(second, (byte) 2);
        Path core = new CoreBuilder()
                .load(16384, 0x11000, 8192, second)
                .load(4096, 0x10000, 8192, first)
                .claim(4096, 0x10800, 16, 16)
                .write(folder.resolve("overlap"));
        try (Target target = Target.core(core)) {
            assertThat(target.notices()).anyMatch(it -> it.contains("2 of its segments overlap"));
            byte[] read = target.memory().readBytes(0x10000, 12288);
            assertThat(Arrays.copyOf(read, 8192)).containsOnly(1);
            assertThat(Arrays.copyOfRange(read, 8192, 12288)).containsOnly(2);
            assertThat(target.memory().mappings().readable(0x10000, 12288)).isTrue();
            assertThat(target.memory().mappings().readable(0x10000, 12289)).isFalse();
        }
    }

    @Test
    void absurdSegmentsAreLeftOut() throws IOException {
        Path core = new CoreBuilder()
                .load(8192, 0x10000, 4096, "here".getBytes(UTF_8))
                .claim(8192, -4096, 4096, 8192)
                .claim(-8, 0x20000, 4096, 4096)
                .claim(Long.MAX_VALUE, 0x30000, Long.MAX_VALUE, 4096)
                .claim(1 << 20, 0x40000, 4096, 4096)
                .claim(8192, 0x50000, -1, 4096)
                .claim(8192, 0x60000, 1, -1)
                .write(folder.resolve("absurd"));
        try (Target target = Target.core(core)) {
            assertThat(target.memory().readCString(0x10000, 4)).isEqualTo("here");
            for (long address : new long[] {-4096, 0x20000, 0x30000, 0x40000, 0x50000, 0x60000}) {
                assertThat(target.memory().read(address, MemorySegment.ofArray(new byte[8])))
                        .as("0x%x", address)
                        .isZero();
            }
            assertThat(target.notices())
                    .anyMatch(it -> it.contains("2 of its segments are larger"))
                    .anyMatch(it -> it.contains("0x20000-0x21000"))
                    .anyMatch(it -> it.contains("0x30000-0x31000"))
                    .anyMatch(it -> it.contains("0x40000-0x41000"));
        }
    }

    @Test
    void moreSegmentsThanFitInto16BitsAreRead() throws IOException {
        CoreBuilder builder = new CoreBuilder().extendedCount();
        int count = 70000;
        long data = 4096L * 1000;
        for (int i = 0; i < count; i++) {
            builder.load(
                    data + 16L * i, 0x10000000L + 8192L * i, 16, new byte[] {(byte) i, (byte) (i >> 8), (byte) (i >> 16)
                    });
        }
        Path core = builder.write(folder.resolve("many"));
        assertThat(Oracle.segments(core, "LOAD")).hasSize(count);
        try (Target target = Target.core(core)) {
            assertThat(target.memory().mappings().list()).hasSize(count);
            for (int i : new int[] {0, 1, 65534, 65535, 65536, count - 1}) {
                byte[] read = target.memory().readBytes(0x10000000L + 8192L * i, 3);
                assertThat(read).containsExactly(i, i >> 8, i >> 16);
            }
        }
    }

    @Test
    void aCoreLargerThanTwoGibibytesIsMapped() throws IOException {
        long offset = 5L << 30;
        Path core = new CoreBuilder()
                .claim(4096, 0x7f0000000000L, offset - 4096, offset - 4096)
                .load(offset, 0x7f0000000000L + offset - 4096, 8, "far away".getBytes(UTF_8))
                .write(folder.resolve("large"));
        try (RandomAccessFile file = new RandomAccessFile(core.toFile(), "rw")) {
            file.seek(3L << 30);
            file.write("half way".getBytes(UTF_8));
        }
        try (Target target = Target.core(core)) {
            Window window = target.memory().window();
            long base = window.require(0x7f0000000000L, 8);
            MemorySegment segment = window.segment();
            assertThat(target.memory().readCString(0x7f0000000000L + (3L << 30) - 4096, 8))
                    .isEqualTo("half way");
            // One region: the kernel, too, writes neighbours one behind the other.
            long far = window.require(0x7f0000000000L + offset - 4096, 8);
            assertThat(far - base).isEqualTo(offset - 4096);
            assertThat(window.segment()).isSameAs(segment);
            assertThat(new String(segment.asSlice(far, 8).toArray(Words.BYTE), UTF_8))
                    .isEqualTo("far away");
        }
    }
}
