// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.struct.Words;
import java.lang.foreign.MemorySegment;

/**
 * Reads single words and small structures by address, while pointers of the target are followed. What lies near the
 * last one is read with its surroundings, what a pointer leads to elsewhere with its page alone. For one thread.
 */
final class Peek {
    private static final long USER_SPACE = 1L << 56;
    private static final long NEAR = 1 << 16;

    /** What a structure seems to hold that can't be read. */
    private static final MemorySegment ZEROS =
            MemorySegment.ofArray(new long[512]).asReadOnly();

    private final Window surroundings;
    private final Window pages;
    private final long pageMask;
    private Window window;
    private long last;

    /** Begins to read; {@code budget} is the most bytes of surroundings to keep, beside a quarter as much of pages. */
    Peek(Target target, long budget) {
        surroundings = target.memory().cache(budget);
        pages = target.memory().cache(budget / 4, target.pageSize());
        pageMask = -(long) target.pageSize();
        window = surroundings;
    }

    boolean has(long address, long length) {
        return find(address, length) >= 0;
    }

    /** The offset of a range in {@link #segment()}, or -1 if it can't be read. */
    long find(long address, long length) {
        if (address <= 0 || address >= USER_SPACE) {
            return -1;
        }
        if ((address & pageMask) != (last & pageMask)) {
            window = Math.abs(address - last) <= NEAR ? surroundings : pages;
        }
        last = address;
        return window.find(address, length);
    }

    MemorySegment segment() {
        return window.segment();
    }

    /** The word at an address, or {@code otherwise} if it can't be read. */
    long word(long address, long otherwise) {
        long offset = find(address, 8);
        return offset < 0 ? otherwise : window.segment().get(Words.LONG, offset);
    }

    /** An arena's structure, all zero if it can't be read. Like each view valid until something else is read. */
    MallocState arena(long address, MallocLayout.State layout) {
        long offset = find(address, layout.size());
        return new MallocState(layout).wrap(offset < 0 ? ZEROS : window.segment(), Math.max(offset, 0), address);
    }

    /** Malloc's parameters, all zero if they can't be read. */
    MallocPar parameters(long address, MallocLayout.Par layout) {
        long offset = find(address, layout.size());
        return new MallocPar(layout).wrap(offset < 0 ? ZEROS : window.segment(), Math.max(offset, 0), address);
    }

    /** The header of a heap, all zero if it can't be read. */
    HeapInfo heapInfo(long address) {
        long offset = find(address, HeapInfo.SIZE);
        return new HeapInfo().wrap(offset < 0 ? ZEROS : window.segment(), Math.max(offset, 0), address);
    }

    /** The size word of a chunk, or 0, which no chunk has, if it can't be read. */
    long sizeWord(long chunk) {
        return word(chunk + 8, 0);
    }
}
