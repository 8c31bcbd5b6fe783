// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.dump;

import dev.heapwalk.memory.LongTable;
import java.util.Arrays;

/**
 * Where objects lie: a bit for every 8 bytes of each page that has one. Filled by one thread; then any thread may look
 * up, by a {@link Finder} of its own.
 */
final class ObjectSet {
    private static final int PAGE_SHIFT = 12;
    private static final int GRANULE_SHIFT = 3;
    private static final int PAGE_MASK = (1 << PAGE_SHIFT) - 1;
    private static final int WORDS = (1 << PAGE_SHIFT - GRANULE_SHIFT) / Long.SIZE;
    private static final int FIRST_PAGES = 1 << 8;

    private final LongTable pages = new LongTable();
    private long[] words = new long[WORDS * FIRST_PAGES];
    private int pageCount;
    private long lastPage = -1;
    private int lastIndex = -1;
    private long size;

    /** Adds an object, which is not in it yet. */
    void add(long address) {
        long number = address >>> PAGE_SHIFT;
        if (number != lastPage) {
            lastPage = number;
            lastIndex = (int) pages.get(number, -1);
            if (lastIndex < 0) {
                lastIndex = addPage(number);
            }
        }
        words[lastIndex * WORDS + word(address)] |= bit(address);
        size++;
    }

    private int addPage(long number) {
        if ((pageCount + 1) * WORDS > words.length) {
            words = Arrays.copyOf(words, 2 * words.length);
        }
        pages.put(number, pageCount);
        return pageCount++;
    }

    private static int word(long address) {
        return (int) (address & PAGE_MASK) >>> GRANULE_SHIFT + 6;
    }

    private static long bit(long address) {
        return 1L << (address >>> GRANULE_SHIFT);
    }

    /** How many objects are in it. */
    long size() {
        return size;
    }

    /** Looks objects up, for one thread. */
    final class Finder {
        private long page = -1;
        private int index = -1;

        /** Whether an object begins at an address. */
        boolean contains(long address) {
            long number = address >>> PAGE_SHIFT;
            if (number != page) {
                page = number;
                index = (int) pages.get(number, -1);
            }
            return index >= 0
                    && (address & (1 << GRANULE_SHIFT) - 1) == 0
                    && (words[index * WORDS + word(address)] & bit(address)) != 0;
        }
    }
}
