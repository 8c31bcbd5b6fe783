// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import com.github.luben.zstd.ZstdInputStream;
import com.github.luben.zstd.ZstdOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.compressors.lz4.FramedLZ4CompressorInputStream;
import org.tukaani.xz.XZInputStream;

/**
 * How files are compressed, as their first bytes say, or the end of the name of one that is written. What does it is
 * loaded when it is needed.
 */
public enum Packing {
    /** By the JDK. */
    GZIP(".gz", 0x1f, 0x8b),
    /** By zstd-jni, in several threads. */
    ZSTD(".zst", 0x28, 0xb5, 0x2f, 0xfd),
    /** By XZ for Java; only read. */
    XZ(".xz", 0xfd, '7', 'z', 'X', 'Z', 0),
    /** Frames, by Commons Compress; only read. */
    LZ4(".lz4", 0x04, 0x22, 0x4d, 0x18);

    /** How many first bytes tell. */
    public static final int MOST_MAGIC = 6;

    private static final int BUFFER = 1 << 16;
    private static final int KIB = 1 << 10;
    /** What unpacking may take of memory, in KiB: as much as the highest level of xz needs, and some. */
    private static final int MOST_XZ_MEMORY = 128 * KIB;

    private final String ending;
    private final int[] magic;

    Packing(String ending, int... magic) {
        this.ending = ending;
        this.magic = magic;
    }

    /**
     * How a file is compressed.
     *
     * @param first its first bytes
     * @param length how many there are
     * @return empty if it is not compressed in a way that is known
     */
    public static Optional<Packing> of(byte[] first, int length) {
        for (Packing packing : values()) {
            int same = 0;
            while (same < packing.magic.length && same < length && (first[same] & 0xff) == packing.magic[same]) {
                same++;
            }
            if (same == packing.magic.length) {
                return Optional.of(packing);
            }
        }
        return Optional.empty();
    }

    /** How a file that is written is compressed, by its name; empty if it is not. */
    public static Optional<Packing> written(String name) {
        return name.endsWith(GZIP.ending)
                ? Optional.of(GZIP)
                : name.endsWith(ZSTD.ending) ? Optional.of(ZSTD) : Optional.empty();
    }

    /** How such a file's name ends. */
    public String ending() {
        return ending;
    }

    /** Unpacks. Closing the result closes the stream that it reads. */
    public InputStream unpack(InputStream packed) throws IOException {
        return switch (this) {
            case GZIP -> new GZIPInputStream(packed, BUFFER);
            case ZSTD -> new ZstdInputStream(packed);
            case XZ -> new XZInputStream(packed, MOST_XZ_MEMORY);
            case LZ4 -> new FramedLZ4CompressorInputStream(packed, true);
        };
    }

    /** Packs, at the speed of a disk rather than as much as it can. Closing the result closes the stream. */
    public OutputStream pack(OutputStream to) throws IOException {
        return switch (this) {
            case GZIP -> new FastGzip(to);
            case ZSTD -> zstd(to);
            default -> throw new IllegalStateException("nothing is written as " + ending);
        };
    }

    private static OutputStream zstd(OutputStream to) throws IOException {
        try {
            return new ZstdOutputStream(to)
                    .setChecksum(true)
                    .setWorkers(Runtime.getRuntime().availableProcessors());
        } catch (LinkageError e) {
            // It unpacks its library where it is first needed.
            throw new IOException(
                    "zstd's library can't be unpacked; let the name end in .gz, or name another folder by TMPDIR", e);
        }
    }
}
