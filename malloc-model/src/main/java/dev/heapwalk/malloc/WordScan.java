// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;

/**
 * Goes through a range of memory piece by piece, as aligned words in an array, which even a JVM that has just started
 * looks at quickly. Each piece shows what lies behind it as well, so that a structure is seen as a whole. It begins
 * where something is.
 */
final class WordScan {
    private static final int STEP = 1 << 20;
    private static final long PAGE = 4096;

    private final AddressSpace memory;
    private final TouchedPages touched;
    private final long end;
    private final MemorySegment buffer;
    private final long[] words;
    private long at;
    private int count;
    private int readable;
    private long next;

    /**
     * Prepares to go through a range.
     *
     * @param beyond how many bytes behind a word are looked at together with it
     */
    WordScan(AddressSpace memory, Range range, int beyond) {
        this.memory = memory;
        this.touched = memory.touched();
        this.next = range.start() + 7 & ~7L;
        this.end = range.end();
        int size = (int) Math.min(STEP + beyond, Math.max(0, end - next)) / 8;
        this.words = new long[size];
        this.buffer = MemorySegment.ofArray(new long[size]);
    }

    /** Goes to the next piece that can be read. */
    boolean next() {
        while (end - next >= 8) {
            at = touched.next(memory.nextReadable(next, end), end);
            if (end - at < Long.BYTES) {
                break;
            }
            long wanted = Math.min(buffer.byteSize(), end - at) & ~7L;
            long got = memory.read(at, buffer.asSlice(0, wanted));
            readable = (int) (got / 8);
            count = Math.min(readable, STEP / 8);
            // Behind a hole it goes on at the next page.
            next = got < wanted && got < STEP ? (at + got & -PAGE) + PAGE : at + STEP;
            if (readable > 0) {
                MemorySegment.copy(buffer, Words.LONG, 0, words, 0, readable);
                return true;
            }
        }
        return false;
    }

    /** The words of this piece and of what lies behind it. */
    long[] words() {
        return words;
    }

    /** How many of the words belong to this piece. */
    int count() {
        return count;
    }

    /** How many of the words were read. */
    int readable() {
        return readable;
    }

    /** The target address of a word. */
    long address(int index) {
        return at + 8L * index;
    }
}
