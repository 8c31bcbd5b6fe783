// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.NamelessFile;
import dev.heapwalk.cli.output.Packing;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.elf.CoreTarget;
import dev.heapwalk.text.SafeText;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A core file that is compressed. It is unpacked into a file without a name, which is gone when nobody reads it any
 * more, however this process ends. Zeros take no room there.
 */
final class PackedCore {
    private static final int PIECE = 1 << 20;
    private static final int PAGE = 1 << 12;
    private static final byte[] ZEROS = new byte[PAGE];
    /** What is left for others of the disk, in bytes. */
    private static final long LEFT_FREE = 64L << 20;
    /** How much is written before the disk is asked again, in bytes. */
    private static final long STEP = 16L << 20;
    /** A file can't be much larger on most file systems, and no process is. */
    private static final long LARGEST = 1L << 44;

    private final Path file;
    private final Packing packing;
    private final Path folder;

    private PackedCore(Path file, Packing packing, Path folder) {
        this.file = file;
        this.packing = packing;
        this.folder = folder;
    }

    /** The core in a file, if that is compressed. */
    static Optional<PackedCore> of(Path file) {
        return of(file, NamelessFile.usualFolder());
    }

    /** As above, unpacked into a folder. */
    static Optional<PackedCore> of(Path file, Path folder) {
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        byte[] first = new byte[Packing.MOST_MAGIC];
        int length;
        try (InputStream in = Files.newInputStream(file)) {
            length = in.readNBytes(first, 0, first.length);
        } catch (IOException e) {
            // Whoever opens it as it is says why.
            return Optional.empty();
        }
        return Packing.of(first, length).map(packing -> new PackedCore(file, packing, folder));
    }

    /** Unpacks it and opens it. */
    Target open(Path sysroot) {
        try (FileChannel plain = made();
                Progress progress = new Progress()) {
            unpack(plain, progress);
            return Target.core(plain, file, sysroot);
        } catch (IOException e) {
            throw new TargetException("can't close what %s was unpacked into: %s".formatted(file, e.getMessage()), e);
        }
    }

    private FileChannel made() {
        try {
            return NamelessFile.in(folder);
        } catch (IOException e) {
            throw noRoom(e.getMessage(), e);
        }
    }

    private TargetException noRoom(String why, IOException e) {
        return new TargetException(
                "can't unpack %s into %s: %s (TMPDIR may name another folder)".formatted(file, folder, why), e);
    }

    /** Counts how much of the compressed file was read. */
    private static final class Counted extends FilterInputStream {
        private long count;

        Counted(InputStream in) {
            super(in);
        }

        @Override
        public int read() throws IOException {
            int value = super.read();
            count += value < 0 ? 0 : 1;
            return value;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            int got = super.read(bytes, offset, length);
            count += Math.max(0, got);
            return got;
        }
    }

    /** What can't be read of the compressed file, as against what can't be written. */
    private TargetException damaged(Exception e) {
        String why = e instanceof EOFException || e.getMessage() == null
                ? ""
                : " (%s)".formatted(SafeText.of(e.getMessage().strip()));
        return new UnsupportedTargetException(
                "can't unpack core file %s: it is damaged, or cut off%s".formatted(file, why));
    }

    private void unpack(FileChannel plain, Progress progress) {
        byte[] piece = new byte[PIECE];
        long position = 0;
        long limit = Long.MAX_VALUE;
        long written = 0;
        long room = 0;
        try (Counted packed = new Counted(Files.newInputStream(file));
                InputStream in = packing.unpack(packed)) {
            long total = Files.size(file);
            while (position < limit) {
                progress.at(packed.count, total);
                int length = in.readNBytes(piece, 0, (int) Math.min(PIECE, limit - position));
                if (length == 0) {
                    break;
                }
                if (position == 0) {
                    limit = limit(MemorySegment.ofArray(piece).asSlice(0, length));
                    length = (int) Math.min(length, limit);
                }
                if (written >= room) {
                    room = written + step(written);
                }
                written += write(plain, position, piece, length);
                position += length;
            }
            // Only at its end does what is compressed tell whether all of it is sound.
            in.readNBytes(piece, 0, PIECE);
        } catch (IOException | IllegalArgumentException | IndexOutOfBoundsException e) {
            throw damaged(e);
        } catch (LinkageError e) {
            throw new TargetException(
                    "can't unpack core file %s: its library can't be loaded from %s (%s); unpack it first with `unzstd`, or name another folder by TMPDIR"
                            .formatted(file, NamelessFile.usualFolder(), e.getMessage()),
                    e);
        }
        try {
            if (plain.size() < position) {
                // Zeros at the end.
                plain.write(ByteBuffer.allocate(1), position - 1);
            }
        } catch (IOException e) {
            throw noRoom(e.getMessage(), e);
        }
    }

    /** Where the core ends, as its headers say: what follows is of no use. */
    private long limit(MemorySegment beginning) {
        if (!CoreTarget.isCore(beginning)) {
            throw new UnsupportedTargetException(
                    "can't read %s as a core file: it is compressed (%s), and what is in it is no ELF core"
                            .formatted(file, packing.name().toLowerCase(Locale.ROOT)));
        }
        OptionalLong size = CoreTarget.size(beginning);
        if (size.orElse(0) > LARGEST) {
            throw new UnsupportedTargetException(
                    "can't unpack core file %s: by its headers it has more than %,d bytes".formatted(file, LARGEST));
        }
        return size.orElse(LARGEST);
    }

    /** How much may be written before this is asked again. */
    private long step(long written) {
        long free;
        try {
            FileStore store = Files.getFileStore(folder);
            free = store.getUsableSpace();
        } catch (IOException e) {
            // The disk itself will tell.
            return STEP;
        }
        if (free < LEFT_FREE) {
            throw noRoom(
                    "%,d bytes of it have been unpacked, and no more than %,d are free there".formatted(written, free),
                    null);
        }
        return Math.min(STEP, free - LEFT_FREE + PIECE);
    }

    /** Writes a piece but for its pages of zeros. Returns how much was written. */
    private long write(FileChannel plain, long position, byte[] piece, int length) {
        long written = 0;
        int from = 0;
        while (from < length) {
            boolean zeros = isZero(piece, from, length);
            int to = from;
            while (to < length && isZero(piece, to, length) == zeros) {
                to = Math.min(to + PAGE, length);
            }
            if (!zeros) {
                ByteBuffer bytes = ByteBuffer.wrap(piece, from, to - from);
                try {
                    while (bytes.hasRemaining()) {
                        plain.write(bytes, position + bytes.position());
                    }
                } catch (IOException e) {
                    throw noRoom(e.getMessage(), e);
                }
                written += to - from;
            }
            from = to;
        }
        return written;
    }

    private static boolean isZero(byte[] piece, int at, int length) {
        int end = Math.min(at + PAGE, length);
        return Arrays.equals(piece, at, end, ZEROS, 0, end - at);
    }
}
