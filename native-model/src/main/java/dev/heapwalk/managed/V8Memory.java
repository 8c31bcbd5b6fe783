// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.managed;

import dev.heapwalk.heap.residency.Claim;
import dev.heapwalk.heap.residency.ClaimProvider;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The heap of V8, as in Node.js 16 to 26: pieces that begin at multiples of 256 KiB, of each of which it is written
 * somewhere how large it is, which heap it belongs to and which part of it objects lie in. Where that is written tells
 * the version. V8 with a sandbox, as in a browser, keeps it in a table that no piece leads to, and is not known.
 */
public final class V8Memory implements ClaimProvider {
    private static final long UNIT = 256 << 10;
    /** The header and the marks of a piece are no larger. */
    private static final long MOST_BEFORE = 64 << 10;

    /** What a piece is. */
    private enum Part {
        HEAP("V8 heap"),
        UNUSED("V8 heap, kept for later"),
        READ_ONLY("V8 heap, read-only");

        private final String title;

        Part(String title) {
            this.title = title;
        }
    }

    /**
     * Where the words about a piece are.
     *
     * @param link which word of the piece leads to them, -1 where they are the piece's own first words
     * @param size {@code size_}
     * @param heap {@code heap_}, which is null once the piece can't be written to
     * @param start {@code area_start_}
     * @param end {@code area_end_}
     * @param flags which of them are flags too, of which {@link #FREED} are set, -1 for none
     * @param freed which of the flags in the piece's first word are all set when it is freed; which bits {@code
     *     PRE_FREED} and {@code UNREGISTERED} are differs between versions
     */
    private record Words(int link, int size, int heap, int start, int end, int flags, long... freed) {
        /** {@code IsUnregisteredField} and {@code IsPreeFreedField} of BasePage. */
        private static final long FREED = 1 << 1 | 1 << 2;

        private static final List<Words> ALL = List.of(
                // BasicMemoryChunk, up to V8 11. What is kept for later has no such words.
                new Words(-1, 0, 2, 3, 4, -1),
                // MemoryChunkMetadata of V8 12.4, the second word of which leads to itself
                new Words(1, 2, 3, 4, 5, -1, 1 << 13 | 1 << 16),
                // MemoryChunkMetadata of V8 12.9 and 13.6 on its own, and BasePage since V8 14
                new Words(1, 6, 8, 9, 7, 11, 1 << 15 | 1 << 18, 1 << 16 | 1 << 19));

        /** Whether V8 keeps a piece that it has freed, to use it again. */
        boolean isFreed(Reader reader, long at, long about) {
            long first = word(reader, at, 0);
            return Arrays.stream(freed).anyMatch(mask -> (first & mask) == mask)
                    || flags >= 0 && (word(reader, about, flags) & FREED) == FREED;
        }
    }

    private record Piece(long size, Part part) {}

    private static final Piece NONE = new Piece(0, Part.HEAP);

    /** Makes one for the service loader. */
    public V8Memory() {}

    @Override
    public List<Claim> claims(Target target) {
        if (Runtimes.module(target, "node|nodejs|electron|lib(node|v8).*\\.so.*")
                .isEmpty()) {
            return List.of();
        }
        List<List<Range>> pieces = List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        try (Reader reader = target.memory().reader(1 << 17, target.memory().pageSize())) {
            long[] end = new long[1];
            Runtimes.anonymous(target).filter(Mapping::readable).forEach(mapping -> {
                long at = Math.max(end[0], up(mapping.start()));
                while (at < mapping.end()) {
                    Piece piece = at(reader, at, mapping.writable());
                    if (piece.size > 0) {
                        pieces.get(piece.part.ordinal()).add(new Range(at, at + piece.size));
                        end[0] = at + piece.size;
                    }
                    at = up(at + Math.max(1, piece.size));
                }
            });
        }
        List<Claim> claims = new ArrayList<>();
        for (Part part : Part.values()) {
            claims.addAll(Runtimes.merged(pieces.get(part.ordinal()), part.title));
        }
        return claims;
    }

    private static long up(long address) {
        return (address + UNIT - 1) & -UNIT;
    }

    /** The piece that begins there, {@link #NONE} if none does. */
    private static Piece at(Reader reader, long at, boolean writable) {
        for (Words words : Words.ALL) {
            long about = words.link < 0 ? at : word(reader, at, words.link);
            long size = word(reader, about, words.size);
            long heap = word(reader, about, words.heap);
            long start = word(reader, about, words.start);
            long end = word(reader, about, words.end);
            boolean sound = size > 0
                    && size < 1L << 40
                    && start > at
                    && start <= at + MOST_BEFORE
                    && end > start
                    && end <= at + size;
            if (sound && word(reader, heap, 0) != 0) {
                return new Piece(size, words.isFreed(reader, at, about) ? Part.UNUSED : Part.HEAP);
            }
            if (sound && heap == 0 && !writable && end == at + size) {
                return new Piece(size, Part.READ_ONLY);
            }
        }
        return NONE;
    }

    private static long word(Reader reader, long address, int index) {
        return reader.readLong(address + (long) index * Long.BYTES, 0);
    }
}
