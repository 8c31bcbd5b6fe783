// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.luben.zstd.ZstdInputStream;
import com.github.luben.zstd.ZstdOutputStream;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.compressors.lz4.FramedLZ4CompressorOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/** Where a core goes, how it is compressed, and what is left when something comes in between. */
final class CoreFileIT {
    private static LedgerProcess process;
    private static String pid;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() throws IOException {
        process = LedgerProcess.of(Release.HOST, "strings")
                .option("count", 100_000)
                .env("GLIBC_TUNABLES", "glibc.pthread.rseq=0")
                .env("HEAPWALK_SECRET", "tell-nobody-of-this")
                .start();
        pid = Long.toString(process.pid());
    }

    @AfterAll
    static void end() throws IOException {
        process.check();
        process.close();
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private Path core(String name, String... options) {
        Path file = folder.resolve(name);
        String[] line = Stream.concat(Stream.of("core", pid, "-o", file.toString()), Arrays.stream(options))
                .toArray(String[]::new);
        Run.heapwalk(line).exited(0);
        return file;
    }

    @ParameterizedTest
    @ValueSource(strings = {"core", "core.gz", "core.zst"})
    void fileIsWholeAndForItsOwnerAlone(String name) throws IOException {
        Path file = folder.resolve(name);
        Files.writeString(file, "what was there before");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-rw-"));
        core(name);
        assertThat(files()).containsExactly(name);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        byte[] plain = Run.heapwalk("core", pid, "-o", "-").exited(0).out();
        assertThat(Arrays.equals(unpacked(file), plain))
                .as("it is the core that standard output gets")
                .isTrue();
    }

    private static byte[] unpacked(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        String name = file.toString();
        if (name.endsWith(".gz") || name.endsWith(".zst")) {
            InputStream packed = new ByteArrayInputStream(bytes);
            try (InputStream in = name.endsWith(".gz") ? new GZIPInputStream(packed) : new ZstdInputStream(packed)) {
                return in.readAllBytes();
            }
        }
        return bytes;
    }

    /** As others write them: lz4 with linked blocks, as systemd-coredump does. */
    private Path packed(Path core, String ending) throws IOException {
        Path file = folder.resolve("packed" + ending);
        try (OutputStream plain = Files.newOutputStream(file);
                OutputStream out = switch (ending) {
                    case ".gz" -> new GZIPOutputStream(plain);
                    case ".zst" -> new ZstdOutputStream(plain);
                    case ".xz" -> new XZOutputStream(plain, new LZMA2Options(0));
                    default ->
                        new FramedLZ4CompressorOutputStream(
                                plain,
                                new FramedLZ4CompressorOutputStream.Parameters(
                                        FramedLZ4CompressorOutputStream.BlockSize.K64, true, false, true));
                }) {
            Files.copy(core, out);
        }
        return file;
    }

    @ParameterizedTest
    @ValueSource(strings = {".gz", ".zst", ".xz", ".lz4"})
    void compressedCoresAreRead(String ending) throws IOException {
        Path core = core("core", "--heap-only");
        Path packed = packed(core, ending);
        List<String> expected = Run.heapwalk("sizes", pid).exited(0).lines();
        assertThat(Run.heapwalk("sizes", packed.toString()).exited(0).lines()).isEqualTo(expected);
        byte[] bytes = Files.readAllBytes(packed);
        Files.write(packed, Arrays.copyOf(bytes, bytes.length * 2 / 3));
        Run.heapwalk("sizes", packed.toString()).exited(4).said("it is damaged, or cut off");
        bytes[bytes.length / 2] ^= 0x55;
        bytes[bytes.length / 2 + 1] ^= 0x55;
        Files.write(packed, bytes);
        Run.heapwalk("sizes", packed.toString()).exited(4).said("it is damaged, or cut off");
    }

    @Test
    void whatIsNoCoreIsNotUnpacked() throws IOException {
        ByteArrayOutputStream zeros = new ByteArrayOutputStream();
        try (ZstdOutputStream out = new ZstdOutputStream(zeros)) {
            byte[] piece = new byte[1 << 20];
            for (int i = 0; i < 4096; i++) {
                out.write(piece);
            }
        }
        Path bomb = folder.resolve("core.zst");
        Files.write(bomb, zeros.toByteArray());
        Run.heapwalk("sizes", bomb.toString()).exited(4).said("what is in it is no ELF core");
        assertThat(files()).containsExactly("core.zst");
    }

    /** A core that is longer than its headers say is unpacked no further. */
    @Test
    void whatFollowsACoreIsLeftOut() throws IOException {
        Path core = core("core", "--heap-only");
        Path bomb = folder.resolve("bomb.zst");
        try (ZstdOutputStream out = new ZstdOutputStream(Files.newOutputStream(bomb))) {
            Files.copy(core, out);
            byte[] piece = new byte[1 << 20];
            Arrays.fill(piece, (byte) 'x');
            for (int i = 0; i < 1024; i++) {
                out.write(piece);
            }
        }
        // No file may be larger than that, so more can't have been written.
        long most = Files.size(core) / 1024 + 1024;
        Run run = limited(most, "sizes", bomb.toString());
        assertThat(run.exited(0).lines()).isEqualTo(Run.heapwalk("sizes", pid).lines());
    }

    private Run limited(long kilobytes, String... line) {
        ProcessBuilder builder = new ProcessBuilder(Stream.concat(
                        Stream.of(
                                "bash",
                                "-c",
                                "ulimit -f " + kilobytes + "; exec \"$@\"",
                                "bash",
                                Run.checkout().resolve("bin/heapwalk").toString()),
                        Arrays.stream(line))
                .toList());
        builder.environment().put("TMPDIR", folder.toString());
        return Run.of(builder);
    }

    @ParameterizedTest
    @CsvSource({"core, stop", "core.zst, stop", "core, fork"})
    void fullDiskIsOneErrorAndLeavesNothing(String name, String mode) throws IOException {
        Run run = limited(
                64, "core", pid, "--mode", mode, "-o", folder.resolve(name).toString());
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err()).contains("heapwalk: can't write " + folder.resolve(name) + ": File too large");
        assertThat(run.err()).doesNotContain("\tat ");
        assertThat(files()).isEmpty();
        assertThat(Files.readString(Path.of("/proc", pid, "status"))).contains("TracerPid:\t0\n");
        assertThat(children(process)).isEmpty();
    }

    @Test
    void whereTheLibraryOfZstdHasNoRoomIsOneError() throws IOException {
        Path file = folder.resolve("core.zst");
        Run run = limited(64, "core", pid, "--mode", "fork", "-o", file.toString());
        assertThat(run.status()).isEqualTo(1);
        assertThat(run.err()).contains("can't write " + file + ": zstd's library can't be unpacked");
        assertThat(run.err()).doesNotContain("internal error", "\tat ");
        assertThat(Files.exists(file)).isFalse();
        assertThat(children(process)).isEmpty();
    }

    private static String children(LedgerProcess of) throws IOException {
        return Files.readString(Path.of("/proc/%d/task/%d/children".formatted(of.pid(), of.pid())));
    }

    /** A copy is caught in the middle of its writing, and goes with it. */
    @Test
    void interruptLeavesNoCopy() throws Exception {
        Path core = folder.resolve("core.gz");
        try (LedgerProcess large = LedgerProcess.of(Release.HOST, "many")
                .option("count", 1_000_000)
                .start()) {
            ProcessBuilder builder = new ProcessBuilder(
                    Run.checkout().resolve("bin/heapwalk").toString(),
                    "core",
                    "--mode",
                    "fork",
                    Long.toString(large.pid()),
                    "-o",
                    core.toString());
            builder.environment().put("HEAPWALK_JAVA_OPTIONS", "-Xint");
            builder.redirectOutput(ProcessBuilder.Redirect.DISCARD).redirectError(ProcessBuilder.Redirect.DISCARD);
            int status = 0;
            // On a busy machine a core may be complete before the signal comes.
            for (int attempt = 0; attempt < 10 && status == 0; attempt++) {
                Files.deleteIfExists(core);
                // Ready before, since to start it takes as long as to write a core.
                Process killer = new ProcessBuilder("sh", "-c", "read -r pid; kill -INT \"$pid\"")
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
                Process writing = builder.start();
                while (children(large).isEmpty() && writing.isAlive()) {
                    Thread.onSpinWait();
                }
                try (Writer line = killer.outputWriter()) {
                    line.write(writing.pid() + "\n");
                }
                killer.waitFor();
                assertThat(writing.waitFor(2, TimeUnit.MINUTES)).isTrue();
                status = writing.exitValue();
            }
            assertThat(status).isEqualTo(130);
            assertThat(files()).isEmpty();
            assertThat(children(large)).isEmpty();
            large.check();
        }
    }

    @Test
    void fullDiskIsToldWhereACoreIsUnpacked() throws IOException {
        Path core = core("core.zst");
        Run run = limited(2048, "sizes", core.toString());
        assertThat(run.exited(4).err()).contains("can't unpack " + core + " into " + folder + ": File too large");
        assertThat(files()).containsExactly("core.zst");
    }

    @ParameterizedTest
    @ValueSource(strings = {"core", "core.gz"})
    void interruptLeavesNothing(String name) throws Exception {
        try (LedgerProcess large = LedgerProcess.of(Release.HOST, "many")
                .option("count", 1_000_000)
                .start()) {
            Path status = Path.of("/proc", Long.toString(large.pid()), "status");
            ProcessBuilder builder = new ProcessBuilder(
                    Run.checkout().resolve("bin/heapwalk").toString(),
                    "core",
                    Long.toString(large.pid()),
                    "-o",
                    folder.resolve(name).toString());
            // So slow that it is caught in the middle.
            builder.environment().put("HEAPWALK_JAVA_OPTIONS", "-Xint");
            builder.redirectOutput(ProcessBuilder.Redirect.DISCARD).redirectError(ProcessBuilder.Redirect.DISCARD);
            Process writing = builder.start();
            while (Files.readString(status).contains("TracerPid:\t0\n") && writing.isAlive()) {
                Thread.onSpinWait();
            }
            new ProcessBuilder("kill", Long.toString(writing.pid())).start().waitFor();
            assertThat(writing.waitFor(2, TimeUnit.MINUTES)).isTrue();
            if (writing.exitValue() != 0) {
                assertThat(files()).isEmpty();
            }
            assertThat(Files.readString(status)).contains("TracerPid:\t0\n").doesNotContain("State:\tt");
            large.check();
        }
    }

    @Test
    void redactedCoreHasNoTextAndTheSameHeap() throws IOException {
        Path open = core("core.open");
        Path redacted = core("core.redacted", "--redact");
        assertThat(textIn(open)).contains("HEAPWALK_SECRET=tell-nobody-of-this", "tell-nobody");
        assertThat(textIn(redacted)).doesNotContain("HEAPWALK_SECRET", "tell-nobody");
        assertThat(Files.size(redacted)).isLessThanOrEqualTo(Files.size(open));
        for (String command : List.of("sizes", "arenas", "bins", "free", "used", "tcache")) {
            List<String> expected = Run.heapwalk(command, open.toString(), "--format", "csv")
                    .exited(0)
                    .lines();
            List<String> found = Run.heapwalk(command, redacted.toString(), "--format", "csv")
                    .exited(0)
                    .lines();
            if (command.equals("used")) {
                // What they are used for, such as text, is told by what they hold.
                assertThat(found).hasSameSizeAs(expected);
            } else {
                assertThat(found).as(command).isEqualTo(expected);
            }
        }
    }

    private static String textIn(Path core) throws IOException {
        return new String(Files.readAllBytes(core), StandardCharsets.ISO_8859_1);
    }

    @Test
    void wrongUseIsTold() {
        Run.heapwalk("core", pid).exited(2).said("--output");
        Run.heapwalk("core", pid, "-o", folder.resolve("core.xz").toString())
                .exited(2)
                .said("not as '.xz'");
        Run.heapwalk("core", pid, "-o", "/nonexistent/core").exited(1).said("can't write /nonexistent/core");
    }
}
