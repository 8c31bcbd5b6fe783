// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.KeptBlocks;
import dev.heapwalk.memory.LongTable;
import java.util.Arrays;

/**
 * Collects the objects that chains lead to, each once. There may be millions of them, so they are told apart by a bit
 * for each object of a span, which also gives their order.
 */
final class KeptObjects {
    private static final int FIRST_LENGTH = 1 << 10;

    private final SpanTable table;
    private final SizeClasses classes;
    /** Where each span's bits begin, in words. */
    private final int[] firsts;

    private final long[] bits;
    /** What is in no span that was read, though it may be in one that is damaged. */
    private final LongTable others = new LongTable();

    /** Numbers of bits. */
    private long[] found = new long[FIRST_LENGTH];

    private int[] owners = new int[FIRST_LENGTH];
    private int count;

    KeptObjects(SpanTable table, SizeClasses classes) {
        this.table = table;
        this.classes = classes;
        firsts = new int[table.count() + 1];
        for (int span = 0; span < table.count(); span++) {
            firsts[span + 1] = firsts[span] + words(span);
        }
        bits = new long[firsts[table.count()]];
    }

    private int words(int span) {
        return table.kinds[span] == SpanTable.Kind.SMALL
                ? (int) (table.sizes[span] / classes.size(table.classes[span]) >>> 6) + 1
                : 0;
    }

    /** Takes an object of a span of small ones. Returns false for one that was taken before. */
    boolean take(int span, int object, int owner) {
        int word = firsts[span] + (object >>> 6);
        long bit = 1L << object;
        if ((bits[word] & bit) != 0) {
            return false;
        }
        bits[word] |= bit;
        if (count == found.length) {
            found = Arrays.copyOf(found, 2 * count);
            owners = Arrays.copyOf(owners, 2 * count);
        }
        found[count] = (long) word << 6 | object & 63;
        owners[count++] = owner;
        return true;
    }

    /** Takes what may be an object of a span that was left out. Returns false for one that was taken before. */
    boolean takeOther(long address) {
        return others.add(address, 1) == 1;
    }

    /** All objects of spans. */
    KeptBlocks kept() {
        long[] addresses = new long[count + 1];
        addresses[count] = Long.MAX_VALUE;
        int[] before = new int[bits.length];
        int sum = 0;
        for (int span = 0; span < table.count(); span++) {
            for (int word = firsts[span]; word < firsts[span + 1]; word++) {
                before[word] = sum;
                for (long left = bits[word]; left != 0; left &= left - 1) {
                    int object = (word - firsts[span] << 6) + Long.numberOfTrailingZeros(left);
                    addresses[sum++] = table.starts[span] + object * classes.size(table.classes[span]);
                }
            }
        }
        int[] sortedOwners = new int[count + 1];
        for (int i = 0; i < count; i++) {
            int word = (int) (found[i] >>> 6);
            sortedOwners[before[word] + Long.bitCount(bits[word] & (1L << found[i]) - 1)] = owners[i];
        }
        return KeptBlocks.sorted(addresses, sortedOwners);
    }
}
