// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.xz;

import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;

/**
 * Decompresses the streams of an .xz file, by version 1.2.1 of the format's description. Every checksum in it that is
 * known is checked: of headers, of the index, and of the contents by CRC-32, CRC-64 or SHA-256. Of filters LZMA2 is
 * known, not those that rearrange machine code before.
 */
public final class Xz {
    private static final byte[] MAGIC = {(byte) 0xfd, '7', 'z', 'X', 'Z', 0};
    private static final int LZMA2 = 0x21;
    private static final int MOST_DICTIONARY_BITS = 40;
    private static final int PADDING = 4;

    private static final int CRC_32 = 1;
    private static final int CRC_64 = 4;
    private static final int SHA_256 = 10;
    /** How many bytes a check of each kind takes; of those that are not known too. */
    private static final int[] CHECK_SIZES = {0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64};

    private final Input in;
    private final Output out;

    /** What the index says of a block as well: its bytes without padding, and those of its contents. */
    private record Sizes(long unpadded, long contents) {}

    private Xz(byte[] file, int most) {
        this.in = new Input(file);
        this.out = new Output(most);
    }

    /**
     * Decompresses a file.
     *
     * @param file the whole file, of one stream or several
     * @param most how many bytes may come of it
     * @return what was compressed, in the JVM's heap
     * @throws XzException if it is damaged, not of this format, has another filter, or is larger when decompressed
     */
    public static MemorySegment decompress(byte[] file, int most) throws XzException {
        Xz xz = new Xz(file, most);
        do {
            xz.stream();
            xz.skipZeros();
        } while (xz.in.left() > 0);
        return MemorySegment.ofArray(xz.out.bytes()).asSlice(0, xz.out.position());
    }

    /** Zeros between streams, and behind the last one, in groups of four. */
    private void skipZeros() throws XzException {
        int start = in.position();
        while (in.left() > 0 && in.peek() == 0) {
            in.read();
        }
        if ((in.position() - start) % PADDING != 0) {
            throw new XzException("padding of " + (in.position() - start) + " bytes behind a stream");
        }
    }

    private void stream() throws XzException {
        int start = in.position();
        for (byte each : MAGIC) {
            if ((byte) in.read() != each) {
                throw new XzException("no .xz stream at byte " + start);
            }
        }
        int flags = flags();
        verify(start + MAGIC.length);
        int check = flags >>> 8;
        List<Sizes> blocks = new ArrayList<>();
        while (in.peek() != 0) {
            blocks.add(block(check));
        }
        int index = in.position();
        index(blocks);
        int size = in.position() - index;
        long checksum = in.readInt();
        int footer = in.position();
        long backward = (in.readInt() + 1) * PADDING;
        if (backward != size || flags() != flags || crc32(footer, in.position()) != checksum) {
            throw new XzException("a stream that does not end as it begins");
        }
        if (in.read() != 'Y' || in.read() != 'Z') {
            throw new XzException("a stream without an end");
        }
    }

    private int flags() throws XzException {
        int first = in.read();
        int check = in.read();
        if (first != 0 || check >= CHECK_SIZES.length) {
            throw new XzException("a stream of a kind that is not known");
        }
        return check << 8;
    }

    /** Checks what was read since a place by the CRC-32 behind it. */
    private void verify(int from) throws XzException {
        long actual = crc32(from, in.position());
        if (in.readInt() != actual) {
            throw new XzException("a wrong checksum behind byte " + from);
        }
    }

    private long crc32(int from, int to) {
        CRC32 crc = new CRC32();
        crc.update(in.bytes(), from, to - from);
        return crc.getValue();
    }

    private Sizes block(int check) throws XzException {
        int start = in.position();
        int headerEnd = start + in.read() * PADDING;
        int flags = in.read();
        if ((flags & 0x3c) != 0 || (flags & 3) != 0) {
            throw new XzException("a block with other filters than LZMA2");
        }
        long compressed = (flags & 0x40) != 0 ? in.readNumber() : -1;
        long contents = (flags & 0x80) != 0 ? in.readNumber() : -1;
        if (in.readNumber() != LZMA2 || in.readNumber() != 1) {
            throw new XzException("a block with another filter than LZMA2");
        }
        long dictionary = dictionary(in.read());
        while (in.position() < headerEnd) {
            if (in.read() != 0) {
                throw new XzException("a block's header with more than is known");
            }
        }
        if (in.position() != headerEnd) {
            throw new XzException("a block's header that is too long");
        }
        verify(start);
        int data = in.position();
        int first = out.position();
        new Lzma2(in, out, dictionary).decode();
        if (compressed >= 0 && compressed != in.position() - data
                || contents >= 0 && contents != out.position() - first) {
            throw new XzException("a block of another size than it says");
        }
        int unpadded = in.position() - start + CHECK_SIZES[check];
        while ((in.position() - start) % PADDING != 0) {
            if (in.read() != 0) {
                throw new XzException("a block with something in its padding");
            }
        }
        check(check, first);
        return new Sizes(unpadded, out.position() - first);
    }

    private static long dictionary(int code) throws XzException {
        if (code > MOST_DICTIONARY_BITS) {
            throw new XzException("a dictionary of no known size");
        }
        return code == MOST_DICTIONARY_BITS ? 0xffffffffL : (2L | code & 1) << (code / 2 + 11);
    }

    /** Compares a block's contents with the check behind it. */
    private void check(int kind, int first) throws XzException {
        byte[] expected = in.readBytes(CHECK_SIZES[kind]);
        int length = out.position() - first;
        byte[] actual = switch (kind) {
            case CRC_32 -> {
                CRC32 crc = new CRC32();
                crc.update(out.bytes(), first, length);
                yield littleEndian(crc.getValue(), expected.length);
            }
            case CRC_64 -> littleEndian(Crc64.of(out.bytes(), first, length), expected.length);
            case SHA_256 -> {
                MessageDigest digest = sha256();
                digest.update(out.bytes(), first, length);
                yield digest.digest();
            }
            // No check, or one that is not known: the format lets it be passed over.
            default -> expected;
        };
        if (!Arrays.equals(expected, actual)) {
            throw new XzException("contents that do not have their checksum");
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("each JDK has SHA-256", e);
        }
    }

    private static byte[] littleEndian(long number, int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (number >>> 8 * i);
        }
        return bytes;
    }

    private void index(List<Sizes> blocks) throws XzException {
        int start = in.position();
        in.read();
        if (in.readNumber() != blocks.size()) {
            throw new XzException("an index of another number of blocks");
        }
        for (Sizes block : blocks) {
            if (in.readNumber() != block.unpadded || in.readNumber() != block.contents) {
                throw new XzException("an index that tells other sizes");
            }
        }
        while ((in.position() - start) % PADDING != 0) {
            if (in.read() != 0) {
                throw new XzException("an index with something in its padding");
            }
        }
        verify(start);
    }
}
