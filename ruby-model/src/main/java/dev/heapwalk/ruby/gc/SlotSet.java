// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import java.util.Arrays;

/** A set of slots, by their numbers: a bit for each slot that there is. It is emptied in the time that filling took. */
final class SlotSet {
    private static final int MOST_NOTED = 1 << 14;

    private final long[] bits;
    /** The words in which there are bits, while they are few. */
    private int[] noted = new int[64];

    private int count;

    SlotSet(SlotNumbers numbers) {
        this.bits = new long[(int) ((numbers.count() + 63L) / 64)];
    }

    /**
     * Puts a slot in.
     *
     * @return whether it was not in it before
     */
    boolean add(int number) {
        int word = number >>> 6;
        long before = bits[word];
        long after = before | 1L << number;
        bits[word] = after;
        if (before == 0) {
            note(word);
        }
        return before != after;
    }

    private void note(int word) {
        if (count < MOST_NOTED) {
            if (count == noted.length) {
                noted = Arrays.copyOf(noted, 2 * count);
            }
            noted[count] = word;
        }
        count++;
    }

    void clear() {
        if (count > MOST_NOTED) {
            Arrays.fill(bits, 0);
        } else {
            for (int i = 0; i < count; i++) {
                bits[noted[i]] = 0;
            }
        }
        count = 0;
    }
}
