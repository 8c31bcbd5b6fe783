// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.struct.Words;

/** Reads the headers of chunks that were mapped on their own. */
final class MmapHeaders {
    private final Reader reader;
    private final long page;
    private final long tail;

    /** A chunk with the mapping that its header describes. */
    record Chunk(long chunk, long start, long end) {
        long length() {
            return end - start;
        }
    }

    MmapHeaders(Reader reader, long page, long tail) {
        this.reader = reader;
        this.page = page;
        this.tail = tail;
    }

    /** The chunk whose mapping begins at an address, if one does. */
    Chunk startingAt(long start, long to) {
        if (!first(reader.readLong(start, -1), Structures.sizeWord(reader, start))) {
            return null;
        }
        // A block with an alignment of its own got a header further up, and the first one was left where it was. It may
        // be out of date: mremap changes the later one only. The padding is shorter than the alignment, and the mapping
        // may be hardly longer than the padding.
        for (long alignment = 32; alignment > 0 && alignment / 2 < to - start; alignment *= 2) {
            long user = start + 16 + alignment - 1 & -alignment;
            Chunk aligned = header(user - 16, start, to);
            if (aligned == null && alignment == 32) {
                aligned = header(user + 16, start, to);
            }
            if (aligned != null && aligned.start() == start) {
                return aligned;
            }
        }
        return header(start, start, to);
    }

    /** Whether two words are what malloc puts at the start of each mapping, whatever it did to the chunk later on. */
    boolean first(long prevSize, long sizeWord) {
        return (tail > 0 ? prevSize & ~1L : prevSize) == 0
                && (sizeWord & MallocChunk.SIZE_BITS) == MallocChunk.IS_MMAPPED
                && sizeWord >= MallocChunk.MIN_SIZE
                && (sizeWord + tail & page - 1) == MallocChunk.IS_MMAPPED;
    }

    private Chunk header(long chunk, long start, long to) {
        long offset = reader.find(chunk, MallocChunk.HEADER);
        return offset < 0
                ? null
                : candidate(
                        chunk,
                        reader.segment().get(Words.LONG, offset),
                        reader.segment().get(Words.LONG, offset + 8),
                        start,
                        to);
    }

    /** A candidate if the two words of a header describe a mapping of whole pages that lies in a range. */
    private Chunk candidate(long chunk, long prevSize, long sizeWord, long from, long to) {
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
