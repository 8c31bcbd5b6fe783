// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.struct.Words;
import java.lang.foreign.MemorySegment;

/** Reads single words and small structures by address, while pointers of the target are followed. For one thread. */
final class Peek {
    private static final long USER_SPACE = 1L << 56;

    private final Window window;

    Peek(AddressSpace memory, long budget) {
        window = memory.cache(budget);
    }

    boolean has(long address, long length) {
        return address > 0 && address < USER_SPACE && window.find(address, length) >= 0;
    }

    /** The offset of a range in {@link #segment()}, or -1 if it can't be read. */
    long find(long address, long length) {
        return address > 0 && address < USER_SPACE ? window.find(address, length) : -1;
    }

    MemorySegment segment() {
        return window.segment();
    }

    /** The word at an address, or {@code otherwise} if it can't be read. */
    long word(long address, long otherwise) {
        long offset = find(address, 8);
        return offset < 0 ? otherwise : window.segment().get(Words.LONG, offset);
    }

    /** The size word of a chunk, or 0, which no chunk has, if it can't be read. */
    long sizeWord(long chunk) {
        return word(chunk + 8, 0);
    }
}
