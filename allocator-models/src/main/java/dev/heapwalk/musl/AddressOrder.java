// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

/** Puts target addresses in order by their numbers: a radix sort, since there may be millions of them. */
final class AddressOrder {
    private static final int DIGIT = 16;
    private static final int DIGITS = 1 << DIGIT;

    private AddressOrder() {}

    /**
     * The numbers of addresses in the order of these. Those of equal ones stay in the order in which they are.
     *
     * @param addresses target addresses in user space
     * @param count how many
     * @return the numbers from 0 on
     */
    static int[] of(long[] addresses, int count) {
        int[] order = new int[count];
        int[] other = new int[count];
        long all = 0;
        for (int i = 0; i < count; i++) {
            order[i] = i;
            all |= addresses[i];
        }
        for (int shift = 0; shift < Long.SIZE && all >>> shift != 0; shift += DIGIT) {
            int[] places = new int[DIGITS + 1];
            for (int i = 0; i < count; i++) {
                places[digit(addresses[i], shift) + 1]++;
            }
            for (int i = 0; i < DIGITS; i++) {
                places[i + 1] += places[i];
            }
            for (int number : order) {
                other[places[digit(addresses[number], shift)]++] = number;
            }
            int[] sorted = other;
            other = order;
            order = sorted;
        }
        return order;
    }

    private static int digit(long address, int shift) {
        return (int) (address >>> shift) & DIGITS - 1;
    }
}
