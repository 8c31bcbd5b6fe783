// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;

/** Goes through the words of a range that are not zero. Pages that were never touched are left out unread. */
public final class NonzeroWords implements AutoCloseable {
    /** What of memory may be unreadable for itself, in bytes. */
    private static final long PAGE = 4096;

    private final Window window;
    private final TouchedPages touched;
    private long unreadable;

    /** Is told of each word. */
    public interface Visitor {
        /**
         * Receives a word.
         *
         * @param address its target address
         * @param word what it is, never 0
         * @return whether to go on
         */
        boolean word(long address, long word);
    }

    /**
     * Prepares to read.
     *
     * @param memory the target's
     */
    public NonzeroWords(AddressSpace memory) {
        this.window = memory.window();
        this.touched = memory.touched();
    }

    /**
     * Goes through a range. Calls for other ranges from the visitor are not allowed.
     *
     * @param start target address, a multiple of 8
     * @param end target address behind it
     * @param visitor is told of each word
     * @return false if the visitor ended it
     */
    public boolean each(long start, long end, Visitor visitor) {
        long at = start;
        while (at < end) {
            at = touched.next(at, end) & -Long.BYTES;
            if (at >= end) {
                break;
            }
            long stop = touched.end(at, end);
            while (at < stop) {
                long wanted = Math.min(Window.MAX_LENGTH, stop - at) & -Long.BYTES;
                if (wanted == 0) {
                    return true;
                }
                long offset = window.find(at, wanted);
                if (offset < 0) {
                    long before = window.missing() - at & -Long.BYTES;
                    if (before <= 0 || before >= wanted || (offset = window.find(at, before)) < 0) {
                        long next = Math.min(stop, (at & -PAGE) + PAGE);
                        unreadable += next - at;
                        at = next;
                        continue;
                    }
                    wanted = before;
                }
                MemorySegment segment = window.segment();
                for (long i = 0; i < wanted; i += Long.BYTES) {
                    long word = segment.get(Words.LONG, offset + i);
                    if (word != 0 && !visitor.word(at + i, word)) {
                        return false;
                    }
                }
                at += wanted;
            }
        }
        return true;
    }

    /**
     * How much of all ranges could not be read.
     *
     * @return bytes
     */
    public long unreadable() {
        return unreadable;
    }

    @Override
    public void close() {
        window.close();
    }
}
