// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.ruby.HeapPages;
import java.util.Arrays;

/**
 * A number for each slot of a heap, in half the bytes of its address: slots are counted through in address order.
 * Immutable, for any thread.
 */
final class SlotNumbers {
    private final HeapPages pages;
    /** The number of the first slot of each page, and behind them that of the first slot that there is not. */
    private final int[] firsts;

    SlotNumbers(HeapPages pages) {
        this.pages = pages;
        this.firsts = new int[pages.count() + 1];
        long slots = 0;
        for (int page = 0; page < pages.count(); page++) {
            slots += pages.slots(page);
            // More slots than that are a hundred gigabytes; what lies there has no number.
            firsts[page + 1] = (int) Math.min(slots, Integer.MAX_VALUE);
        }
    }

    /** How many numbers there are, from 0 on. */
    int count() {
        return firsts[firsts.length - 1];
    }

    /** The number of the slot that begins at an address; -1 if there is none. */
    int of(long address) {
        int page = pages.slotSizeAt(address) == 0 ? -1 : pages.at(address);
        if (page < 0) {
            return -1;
        }
        long number = firsts[page] + (address - pages.start(page)) / pages.slotSize(page);
        return number < firsts[page + 1] ? (int) number : -1;
    }

    /** Target address of the slot that has a number. */
    long address(int number) {
        int page = Arrays.binarySearch(firsts, number);
        page = page < 0 ? -page - 2 : page;
        while (firsts[page + 1] == number) {
            // A page without slots.
            page++;
        }
        return pages.start(page) + (long) (number - firsts[page]) * pages.slotSize(page);
    }
}
