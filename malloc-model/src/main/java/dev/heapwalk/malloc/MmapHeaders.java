// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Reads the headers of chunks that were mapped on their own. */
final class MmapHeaders {
    /** What is read of the beginning of a mapping: the headers of blocks with an alignment of up to that lie there. */
    private static final int FIRST = 4096;

    private final Reader reader;
    private final AddressSpace memory;
    private final long page;
    // The headers further up, one for each power of two that an alignment may be.
    private final long[] addresses = new long[Long.SIZE];
    private final long[] lengths = new long[Long.SIZE];
    private final long[] read = new long[Long.SIZE];
    private final MemorySegment headers = Arena.ofAuto().allocate(Long.SIZE * MallocChunk.HEADER, 64);

    /** A chunk with the mapping that its header describes. */
    record Chunk(long chunk, long start, long end) {
        long length() {
            return end - start;
        }
    }

    MmapHeaders(Reader reader, long page) {
        this.reader = reader;
        this.memory = reader.memory();
        this.page = page;
    }

    /**
     * The chunk whose mapping begins at an address, if one does.
     *
     * @param to target address that no mapping reaches beyond
     * @param tail how many bytes of a mapping lie behind its chunk
     * @return the chunk, or null
     */
    Chunk startingAt(long start, long to, long tail) {
        long length = Math.min(FIRST, to - start);
        long offset = reader.find(start, length);
        if (offset < 0) {
            return null;
        }
        MemorySegment first = reader.segment();
        long sizeWord = first.get(Words.LONG, offset + 8);
        if (!first(first.get(Words.LONG, offset), sizeWord, tail)) {
            return null;
        }
        // A block with an alignment of its own got a header further up, and the first one was left where it was. It may
        // be out of date: mremap changes the later one only. The padding is shorter than the alignment and than what
        // the
        // first header says, and the mapping may be hardly longer than the padding.
        long most = Math.min(to - start, (sizeWord & ~MallocChunk.SIZE_BITS) + tail + page);
        for (long alignment = 32; alignment <= FIRST && alignment / 2 < most; alignment *= 2) {
            long distance = (start + 16 + alignment - 1 & -alignment) - 16 - start;
            Chunk aligned = candidate(first, offset + distance, start + distance, start, to, tail);
            if (aligned == null && alignment == 32) {
                aligned = candidate(first, offset + distance + 32, start + distance + 32, start, to, tail);
            }
            if (aligned != null && aligned.start() == start) {
                return aligned;
            }
        }
        Chunk aligned = blank(first, offset + MallocChunk.HEADER, length - 2 * MallocChunk.HEADER)
                ? further(start, to, most, tail)
                : null;
        return aligned != null ? aligned : candidate(first, offset, start, start, to, tail);
    }

    /** Whether memory is as malloc leaves padding: all zero, or all of the byte that {@code M_PERTURB} names. */
    private static boolean blank(MemorySegment segment, long offset, long length) {
        byte one = segment.get(Words.BYTE, offset);
        for (long i = 1; i < length; i++) {
            if (segment.get(Words.BYTE, offset + i) != one) {
                return false;
            }
        }
        return true;
    }

    /** The chunk that lies beyond the first page of its mapping. */
    private Chunk further(long start, long to, long most, long tail) {
        int count = 0;
        for (long alignment = 2 * FIRST; alignment > 0 && alignment / 2 < most; alignment *= 2) {
            addresses[count] = (start + 16 + alignment - 1 & -alignment) - 16;
            lengths[count++] = MallocChunk.HEADER;
        }
        memory.readRanges(addresses, lengths, count, headers, read);
        for (int i = 0; i < count; i++) {
            Chunk aligned = read[i] < MallocChunk.HEADER
                    ? null
                    : candidate(headers, i * MallocChunk.HEADER, addresses[i], start, to, tail);
            if (aligned != null && aligned.start() == start) {
                return aligned;
            }
        }
        return null;
    }

    /** Whether two words are what malloc puts at the start of each mapping, whatever it did to the chunk later on. */
    boolean first(long prevSize, long sizeWord, long tail) {
        return (tail > 0 ? prevSize & ~1L : prevSize) == 0
                && (sizeWord & MallocChunk.SIZE_BITS) == MallocChunk.IS_MMAPPED
                && sizeWord >= MallocChunk.MIN_SIZE
                && (sizeWord + tail & page - 1) == MallocChunk.IS_MMAPPED;
    }

    /** A candidate if the two words of a header describe a mapping of whole pages that lies in a range. */
    private Chunk candidate(MemorySegment header, long offset, long chunk, long from, long to, long tail) {
        long prevSize = header.get(Words.LONG, offset);
        long sizeWord = header.get(Words.LONG, offset + 8);
        if ((sizeWord & MallocChunk.SIZE_BITS) != MallocChunk.IS_MMAPPED) {
            return null;
        }
        // Since 2.43 the low bit says that the mapping has huge pages.
        long front = tail > 0 ? prevSize & ~1L : prevSize;
        long size = sizeWord & ~MallocChunk.SIZE_BITS;
        long start = chunk - front;
        if (front < 0 || start < from || size < MallocChunk.MIN_SIZE || size > to - chunk) {
            return null;
        }
        long end = chunk + size + tail;
        boolean whole = (start & page - 1) == 0 && (end & page - 1) == 0 && end <= to;
        return whole ? new Chunk(chunk, start, end) : null;
    }
}
