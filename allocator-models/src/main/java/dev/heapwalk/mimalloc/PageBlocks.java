// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.allocator.SpanCursor.Opened;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.mimalloc.layout.PageLayout;
import java.util.Arrays;

/** Which blocks of a page are free, and in which of its lists. Allocates nothing for a page. */
final class PageBlocks {
    /** A page counts its blocks in 16 bits. */
    private static final int MOST = 1 << 16;

    private static final int BAD = -1;

    private final Reader reader;
    private final boolean encoded;
    private final byte[] marks = new byte[MOST];

    private long page;
    private long start;
    private long size;
    private int capacity;
    private long key0;
    private long key1;

    PageBlocks(Reader reader, PageLayout layout) {
        this.reader = reader;
        this.encoded = layout.keys() >= 0;
    }

    /**
     * Follows the lists of a page.
     *
     * @param view over the page's structure, which must have been found by the same reader just before
     * @param first where its first block begins
     * @param blockSize the size of a block, so that all blocks lie in the page
     * @return {@link Opened#GOOD} if they have just the blocks that the page counts
     */
    Opened read(MiPage view, long first, long blockSize) {
        page = view.address();
        start = first;
        size = blockSize;
        capacity = view.capacity();
        key0 = view.key(0);
        key1 = view.key(1);
        int used = view.used();
        long free = view.free();
        long local = view.localFree();
        long others = view.xthreadFree();
        Arrays.fill(marks, 0, capacity, (byte) 0);
        int inFree = follow(free, MimallocState.FREE);
        int inLocal = inFree == BAD ? BAD : follow(local, MimallocState.LOCAL_FREE);
        int inOthers = inLocal == BAD ? BAD : follow(others, MimallocState.THREAD_FREE);
        if (inOthers == BAD) {
            return Opened.BROKEN;
        }
        // What other threads freed counts as used until the page's own has taken it back.
        return used == capacity - inFree - inLocal && inOthers <= used ? Opened.GOOD : Opened.MISCOUNTED;
    }

    private int follow(long head, MimallocState state) {
        int count = 0;
        long at = head;
        while (at != 0) {
            long offset = at - start;
            if (offset < 0 || offset >= size * capacity) {
                return BAD;
            }
            int index = (int) (offset / size);
            if (index * size != offset || marks[index] != 0) {
                return BAD;
            }
            marks[index] = (byte) state.ordinal();
            count++;
            long found = reader.find(at, Long.BYTES);
            if (found < 0) {
                return BAD;
            }
            long next = reader.segment().get(Words.LONG, found);
            at = encoded ? decode(next, page, key0, key1) : next;
        }
        return count;
    }

    /** Takes the code from a pointer in a list. The end of it is coded as a pointer to what has the list. */
    static long decode(long word, long owner, long key0, long key1) {
        long pointer = Long.rotateRight(word - key0, (int) key0) ^ key1;
        return pointer == owner ? 0 : pointer;
    }

    /** Marks a block that a list of its heap has. */
    void delayed(long address) {
        int index = (int) ((address - start) / size);
        if (index < capacity && marks[index] == 0) {
            marks[index] = (byte) MimallocState.DELAYED_FREE.ordinal();
        }
    }

    /** What a block is held for, as the index of a {@link MimallocState}. */
    int mark(int index) {
        return marks[index];
    }
}
