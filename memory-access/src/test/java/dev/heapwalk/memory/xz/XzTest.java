// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.xz;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code xz} has compressed is decompressed to what it was, and nothing else is taken for it. */
class XzTest {
    private static final int MOST = 1 << 26;

    @TempDir
    private Path folder;

    private byte[] compressed(byte[] contents, String... options) throws Exception {
        Path file = Files.write(folder.resolve("contents"), contents);
        List<String> line = new ArrayList<>(List.of("xz", "--stdout"));
        line.addAll(List.of(options));
        line.add(file.toString());
        Path made = folder.resolve("made.xz");
        Process xz = new ProcessBuilder(line)
                .redirectOutput(made.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        assertThat(xz.waitFor()).as("%s", line).isZero();
        return Files.readAllBytes(made);
    }

    private static byte[] decompressed(byte[] file) throws XzException {
        return decompressed(file, MOST);
    }

    private static byte[] decompressed(byte[] file, int most) throws XzException {
        return Xz.decompress(file, most).toArray(ValueLayout.JAVA_BYTE);
    }

    /** Contents of several kinds: nothing, little, noise, runs, text, numbers, machine code. */
    private static List<byte[]> contents() throws IOException {
        Random random = new Random(1);
        List<byte[]> all = new ArrayList<>(List.of(new byte[0], new byte[1], new byte[300_000], "a text".getBytes()));
        byte[] noise = new byte[200_000];
        random.nextBytes(noise);
        all.add(noise);
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 40_000; i++) {
            text.append("word").append(random.nextInt(1 + random.nextInt(3000))).append(i % 13 == 0 ? "\n" : " ");
        }
        all.add(text.toString().getBytes());
        // Noise among runs, and what was there long before.
        byte[] mixed = new byte[1_000_000];
        for (int at = 0; at < mixed.length; ) {
            int length = Math.min(mixed.length - at, 1 + random.nextInt(5000));
            switch (random.nextInt(3)) {
                case 0 -> Arrays.fill(mixed, at, at + length, (byte) random.nextInt());
                case 1 -> System.arraycopy(noise, random.nextInt(noise.length - length), mixed, at, length);
                default -> {
                    int from = random.nextInt(at + 1);
                    System.arraycopy(mixed, from, mixed, at, Math.min(length, at - from));
                }
            }
            at += length;
        }
        all.add(mixed);
        all.add(Files.readAllBytes(Path.of("/proc/self/exe").toRealPath()));
        return all;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-0",
                "-6",
                "-9e",
                "--check=none",
                "--check=crc32",
                "--check=sha256",
                "--block-size=70000",
                "-T2 --block-size=500000",
                "--lzma2=lc=0,lp=4,pb=4",
                "--lzma2=lc=4,lp=0,pb=0",
                "--lzma2=lc=1,lp=2,pb=1,dict=4KiB,mode=fast,nice=5,mf=hc3"
            })
    void contentsAreWhatTheyWere(String options) throws Exception {
        for (byte[] each : contents()) {
            assertThat(decompressed(compressed(each, options.split(" "))))
                    .as("%d bytes by xz %s", each.length, options)
                    .isEqualTo(each);
        }
    }

    @Test
    void streamsMayFollowEachOther() throws Exception {
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        file.write(compressed("one, ".getBytes()));
        file.write(new byte[8]);
        file.write(compressed("two".getBytes(), "--check=none"));
        file.write(new byte[4]);
        assertThat(decompressed(file.toByteArray())).isEqualTo("one, two".getBytes());
        file.write(0);
        assertThatThrownBy(() -> decompressed(file.toByteArray()))
                .isInstanceOf(XzException.class)
                .hasMessageContaining("padding of 5 bytes");
    }

    @Test
    void whatIsNotKnownIsNamed() throws Exception {
        byte[] text = "a text, a text, a text".getBytes();
        byte[] filtered = compressed(text, "--x86", "--lzma2");
        assertThatThrownBy(() -> decompressed(filtered))
                .isInstanceOf(XzException.class)
                .hasMessageContaining("other filters");
        byte[] old = compressed(text, "--format=lzma");
        assertThatThrownBy(() -> decompressed(old)).isInstanceOf(XzException.class);
        assertThatThrownBy(() -> decompressed(new byte[0])).isInstanceOf(XzException.class);
    }

    /** A small file may hold any number of zeros. */
    @Test
    void noMoreComesOfItThanAskedFor() throws Exception {
        byte[] contents = new byte[20_000_000];
        byte[] file = compressed(contents);
        assertThat(file).hasSizeLessThan(5000);
        assertThat(decompressed(file, contents.length)).hasSize(contents.length);
        assertThatThrownBy(() -> decompressed(file, contents.length - 1))
                .isInstanceOf(XzException.class)
                .hasMessageContaining("more than 19999999 bytes");
    }

    @Test
    void aFileThatIsCutOffIsRefused() throws Exception {
        byte[] file = compressed(contents().get(5));
        for (int length = 0; length < file.length; length += 1 + length / 50) {
            byte[] cut = Arrays.copyOf(file, length);
            assertThatThrownBy(() -> decompressed(cut)).as("%d bytes", length).isInstanceOf(XzException.class);
        }
    }

    /** Each byte is covered by a checksum, or by what must be zero. */
    @Test
    void aChangedByteIsSeen() throws Exception {
        byte[] text = Arrays.copyOf(contents().get(5), 2000);
        byte[] file = compressed(text);
        for (int at = 0; at < file.length; at++) {
            byte[] changed = file.clone();
            changed[at] ^= (byte) (1 << at % 8);
            assertThatThrownBy(() -> decompressed(changed)).as("byte %d", at).isInstanceOf(XzException.class);
        }
    }

    /** Without a checksum of the contents, whatever the decoder meets has it end in time and in bounds. */
    @Test
    void noiseInTheDataEndsTheDecoder() throws Exception {
        byte[] file = compressed(contents().get(5), "--check=none");
        Random random = new Random(2);
        int decoded = 0;
        for (int round = 0; round < 3000; round++) {
            byte[] changed = file.clone();
            for (int hits = random.nextInt(4); hits >= 0; hits--) {
                changed[24 + random.nextInt(changed.length - 24)] = (byte) random.nextInt();
            }
            try {
                MemorySegment contents = Xz.decompress(changed, 1 << 20);
                assertThat(contents.byteSize()).isLessThanOrEqualTo(1 << 20);
                decoded++;
            } catch (XzException e) {
                assertThat(e).hasMessageMatching(".{5,}");
            }
        }
        assertThat(decoded).as("rounds in which the harm was not seen").isLessThan(100);
    }
}
