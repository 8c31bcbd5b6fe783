// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.Copier;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.core.CoreNote;
import dev.heapwalk.memory.core.CoreOutput;
import dev.heapwalk.memory.core.CoreWriter;
import dev.heapwalk.memory.core.MemoryText;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is in a core that was written, as readelf and the process itself tell it. */
class CoreWriterTest {
    private static final Path SYSROOT = Path.of("/usr/aarch64-linux-gnu");

    @TempDir
    private Path folder;

    private Path written(CoreWriter writer, String name) throws IOException {
        Path file = folder.resolve(name);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            writer.write(CoreOutput.to(channel));
        }
        ByteArrayOutputStream stream = new ByteArrayOutputStream();
        writer.write(CoreOutput.to(stream));
        assertThat(stream.toByteArray()).as("zeros that are written, and holes").isEqualTo(Files.readAllBytes(file));
        return file;
    }

    private static void assertSameMemory(Target one, Target other) {
        for (Mapping mapping : one.memory().mappings()) {
            byte[] expected = new byte[(int) mapping.length()];
            byte[] found = new byte[expected.length];
            long there = one.memory().read(mapping.start(), MemorySegment.ofArray(expected));
            assertThat(other.memory().read(mapping.start(), MemorySegment.ofArray(found)))
                    .as("%s", mapping)
                    .isEqualTo(there);
            assertThat(found).as("%s", mapping).isEqualTo(expected);
        }
    }

    /** Of aarch64, which no process here is. */
    @Test
    void coreOfACoreIsTheSame() throws IOException {
        Path program = folder.resolve("subject");
        Path source = Files.writeString(folder.resolve("subject.c"), Subject.SOURCE);
        Oracle.lines("aarch64-linux-gnu-gcc", "-O1", "-pthread", "-o", program.toString(), source.toString());
        try (Subject subject = Subject.run(program, "qemu-aarch64", "-L", SYSROOT.toString(), program.toString())) {
            Path core = subject.guestCore();
            try (Target target = Target.core(core, SYSROOT)) {
                Path copy = written(CoreWriter.of(target), "copy");
                assertThat(Oracle.lines("readelf", "-n", "-W", copy.toString()).stream()
                                .filter(line -> line.contains("NT_"))
                                .toList())
                        .isEqualTo(Oracle.lines("readelf", "-n", "-W", core.toString()).stream()
                                .filter(line -> line.contains("NT_"))
                                .toList());
                try (Target again = Target.core(copy, SYSROOT)) {
                    assertThat(again.pid()).isEqualTo(target.pid());
                    assertSameMemory(target, again);
                    assertThat(again.threads())
                            .map(ThreadState::tid)
                            .isEqualTo(target.threads().stream()
                                    .map(ThreadState::tid)
                                    .toList());
                    for (int i = 0; i < target.threads().size(); i++) {
                        assertThat(again.threads()
                                        .get(i)
                                        .registers()
                                        .orElseThrow()
                                        .general())
                                .isEqualTo(target.threads()
                                        .get(i)
                                        .registers()
                                        .orElseThrow()
                                        .general());
                        assertThat(again.threads()
                                        .get(i)
                                        .registers()
                                        .orElseThrow()
                                        .threadPointer())
                                .isEqualTo(target.threads()
                                        .get(i)
                                        .registers()
                                        .orElseThrow()
                                        .threadPointer());
                    }
                }
            }
        }
    }

    /** More segments than 16 bits can count. */
    @Test
    void segmentsAreCountedWhereThereAreVeryMany() throws IOException {
        int count = 70_000;
        CoreBuilder builder = new CoreBuilder().extendedCount();
        long first = 64 + 64 + 56L * count + 4096;
        byte[] content = new byte[64];
        for (int i = 0; i < count; i++) {
            Arrays.fill(content, (byte) (i + 1));
            builder.load(first + 64L * i, 0x10000000L + 0x2000L * i, 64, content.clone());
        }
        Path core = builder.write(folder.resolve("many"));
        try (Target target = Target.core(core)) {
            Path copy = written(CoreWriter.of(target), "copy");
            assertThat(Oracle.lines("readelf", "-h", copy.toString()))
                    .anyMatch(line -> line.contains("Number of program headers") && line.contains("(70001)"));
            try (Target again = Target.core(copy)) {
                assertThat(again.memory().mappings().list()).hasSize(count);
                assertSameMemory(target, again);
            }
        }
    }

    @Test
    void failureOfTheOutputIsTold() throws IOException {
        Path core = new CoreBuilder()
                .load(4096, 0x10000000L, 64 << 20, text(64 << 20))
                .write(folder.resolve("core"));
        try (Target target = Target.core(core)) {
            OutputStream full = new OutputStream() {
                private long room = 3 << 20;

                @Override
                public void write(int value) throws IOException {
                    throw new IOException("full");
                }

                @Override
                public void write(byte[] bytes, int offset, int length) throws IOException {
                    room -= length;
                    if (room < 0) {
                        throw new IOException("full");
                    }
                }
            };
            assertThatThrownBy(() -> CoreWriter.of(target).write(CoreOutput.to(full)))
                    .isInstanceOf(UncheckedIOException.class)
                    .hasMessageContaining("full");
            assertThatThrownBy(() -> CoreWriter.of(target)
                            .telling((done, _) -> {
                                if (done > 0) {
                                    throw new IllegalStateException("enough");
                                }
                            })
                            .write(CoreOutput.to(OutputStream.nullOutputStream())))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("enough");
        }
    }

    private static byte[] text(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) ('a' + i % 26);
        }
        return bytes;
    }

    /** Words that point somewhere, short texts and what is no text stay. */
    @Test
    void textIsClearedAndStructureStays() {
        long start = 0x7f0041424000L;
        MemoryText text = new MemoryText(
                new Mappings(List.of(new Mapping(start, start + 0x1000, true, true, false, false, 0, ""))));
        byte[] bytes = new byte[128];
        MemorySegment memory = MemorySegment.ofArray(bytes);
        put(bytes, 8, "short");
        put(bytes, 17, "long enough");
        put(bytes, 40, "gr\u00fc\u00df dich");
        memory.set(java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED, 64, start + 0x41);
        put(bytes, 72, "behind");
        put(bytes, 96, "abc");
        byte[] before = bytes.clone();
        text.clear(0x1000, memory, 0x1001, 0x1000 + 127);
        byte[] expected = before.clone();
        Arrays.fill(expected, 17, 28, (byte) 0);
        Arrays.fill(expected, 40, 51, (byte) 0);
        assertThat(bytes).isEqualTo(expected);
    }

    private static void put(byte[] bytes, int at, String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        System.arraycopy(utf8, 0, bytes, at, utf8.length);
    }

    /** A copy is written as the process was, also when that has ended. */
    @Test
    void copyHasItsNotes() throws Exception {
        Process process =
                new ProcessBuilder("sh", "-c", "setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $!").start();
        long pid;
        try (var out = process.inputReader()) {
            pid = Long.parseLong(out.readLine());
        }
        try {
            while (!Files.readString(Path.of("/proc", Long.toString(pid), "comm"))
                    .equals("sleep\n")) {
                Thread.onSpinWait();
            }
            try (Target target = Target.observe(pid);
                    Copier copier = target.copier(256 << 20)) {
                Target copy;
                try (Target.Stop _ = target.stop()) {
                    copy = copier.copy();
                }
                try (copy) {
                    assertThat(copy.coreFacts().notes())
                            .extracting(CoreNote::type)
                            .contains(CoreNote.STATUS, CoreNote.FLOATS, CoreNote.AUXILIARY, CoreNote.FILES);
                    Path core = written(CoreWriter.of(copy).heapOnly(), "core");
                    try (Target again = Target.core(core)) {
                        assertThat(again.pid()).hasValue(pid);
                        assertThat(again.signal()).isEmpty();
                        assertThat(again.threads()
                                        .getFirst()
                                        .registers()
                                        .orElseThrow()
                                        .general())
                                .isEqualTo(copy.threads()
                                        .getFirst()
                                        .registers()
                                        .orElseThrow()
                                        .general());
                    }
                }
            }
        } finally {
            ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
        }
    }
}
