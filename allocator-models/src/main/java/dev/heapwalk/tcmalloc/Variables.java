// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.allocator.NonzeroWords;
import dev.heapwalk.memory.Range;
import java.util.Arrays;
import java.util.List;

/** The words of a module's variables that are worth a look. */
final class Variables {
    private static final int FIRST_LENGTH = 1 << 10;

    private long[] pointers = new long[FIRST_LENGTH];
    private int count;
    private long[] ones = new long[FIRST_LENGTH];
    private int oneCount;
    private long[] sizes = new long[2];
    private int sizeCount;

    static Variables of(List<Range> segments, NonzeroWords words, AnonymousMemory anonymous) {
        Variables variables = new Variables();
        for (Range range : segments) {
            words.each(range.start() + 7 & -8L, range.end(), (at, word) -> {
                if (word == 1) {
                    variables.one(at);
                } else if (word == SizeClasses.FIRST_SIZES) {
                    variables.size(at);
                } else if ((word & 7) == 0 && anonymous.holds(word, Long.BYTES)) {
                    variables.pointer(at, word);
                }
                return true;
            });
        }
        return variables;
    }

    private void one(long at) {
        if (oneCount == ones.length) {
            ones = Arrays.copyOf(ones, 2 * oneCount);
        }
        ones[oneCount++] = at;
    }

    private void size(long at) {
        if (sizeCount == sizes.length) {
            sizes = Arrays.copyOf(sizes, 2 * sizeCount);
        }
        sizes[sizeCount++] = at;
    }

    private void pointer(long at, long value) {
        if (2 * count == pointers.length) {
            pointers = Arrays.copyOf(pointers, 4 * count);
        }
        pointers[2 * count] = at;
        pointers[2 * count++ + 1] = value;
    }

    /** How many words point into anonymous memory. */
    int pointers() {
        return count;
    }

    /** The address of such a word. */
    long at(int index) {
        return pointers[2 * index];
    }

    /** Where it points to. */
    long value(int index) {
        return pointers[2 * index + 1];
    }

    /** The addresses of words that are 1. */
    long[] ones() {
        return Arrays.copyOf(ones, oneCount);
    }

    /** The addresses of words that look like the first sizes of classes. */
    long[] sizes() {
        return Arrays.copyOf(sizes, sizeCount);
    }
}
