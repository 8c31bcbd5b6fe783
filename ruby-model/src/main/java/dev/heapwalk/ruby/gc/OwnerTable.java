// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Which objects have memory of an allocator, by where that begins: 12 bytes an entry, and twice that while it is made.
 * Filled, then {@linkplain #sort() sorted}, then asked, by any number of threads.
 */
final class OwnerTable {
    private static final int PIECE = 1 << 14;
    /** Addresses are sorted by so many bits at once, from the lowest on, and all but their last three count. */
    private static final int DIGIT = 13;

    private static final int BITS = 4 * DIGIT;
    /** In a key the address stands without its last three bits, then a bit that tells what lies there. */
    private static final int ADDRESS_SHIFT = 2;

    private final SlotNumbers slots;
    private final List<long[]> keyPieces = new ArrayList<>();
    private final List<int[]> ownerPieces = new ArrayList<>();
    private int count;
    private long[] keys = {};
    private int[] owners = {};

    OwnerTable(SlotNumbers slots) {
        this.slots = slots;
    }

    /** What an address is in the table; -1 if it can't be. */
    private static long key(long address, boolean data) {
        return address == 0 || (address & 7) != 0 || address >>> BITS + ADDRESS_SHIFT != 0
                ? -1
                : address >>> ADDRESS_SHIFT | (data ? 1 : 0);
    }

    /**
     * Adds memory that an object has.
     *
     * @param address target address of it; what no allocator gives is left out
     * @param owner target address of a slot; nothing is added for one that has no number
     * @param data whether it is the data of C code, and not a buffer of Ruby's own
     */
    void add(long address, long owner, boolean data) {
        long key = key(address, data);
        int slot = slots.of(owner);
        if (key < 0 || slot < 0 || count == Integer.MAX_VALUE - Long.BYTES) {
            return;
        }
        int at = count++ % PIECE;
        if (at == 0) {
            keyPieces.add(new long[PIECE]);
            ownerPieces.add(new int[PIECE]);
        }
        keyPieces.getLast()[at] = key;
        ownerPieces.getLast()[at] = slot;
    }

    /** After this nothing can be added. */
    void sort() {
        keys = new long[count];
        owners = new int[count];
        int[] places = new int[1 << DIGIT];
        for (int i = 0; i < keyPieces.size(); i++) {
            tally(keyPieces.get(i), length(i), 0, places);
        }
        begin(places);
        for (int i = 0; i < keyPieces.size(); i++) {
            scatter(keyPieces.get(i), ownerPieces.get(i), length(i), 0, places, keys, owners);
        }
        keyPieces.clear();
        ownerPieces.clear();
        long[] otherKeys = new long[count];
        int[] otherOwners = new int[count];
        for (int shift = DIGIT; shift < BITS; shift += DIGIT) {
            Arrays.fill(places, 0);
            tally(keys, count, shift, places);
            begin(places);
            scatter(keys, owners, count, shift, places, otherKeys, otherOwners);
            long[] sortedKeys = otherKeys;
            otherKeys = keys;
            keys = sortedKeys;
            int[] sortedOwners = otherOwners;
            otherOwners = owners;
            owners = sortedOwners;
        }
    }

    private int length(int piece) {
        return Math.min(PIECE, count - piece * PIECE);
    }

    private static int digit(long key, int shift) {
        return (int) (key >>> shift) & (1 << DIGIT) - 1;
    }

    private static void tally(long[] keys, int length, int shift, int[] places) {
        for (int i = 0; i < length; i++) {
            places[digit(keys[i], shift)]++;
        }
    }

    /** From how many there are of each digit to where the first of them belongs. */
    private static void begin(int[] places) {
        int before = 0;
        for (int i = 0; i < places.length; i++) {
            int more = places[i];
            places[i] = before;
            before += more;
        }
    }

    private static void scatter(
            long[] keys, int[] owners, int length, int shift, int[] places, long[] toKeys, int[] toOwners) {
        for (int i = 0; i < length; i++) {
            int to = places[digit(keys[i], shift)]++;
            toKeys[to] = keys[i];
            toOwners[to] = owners[i];
        }
    }

    /**
     * Looks memory up.
     *
     * @param address target address of it
     * @param data whether what is looked for is the data of C code
     * @return target address of an object that has it, 0 if none has
     */
    long owner(long address, boolean data) {
        long key = key(address, data);
        int index = key < 0 ? -1 : Arrays.binarySearch(keys, key);
        return index < 0 ? 0 : slots.address(owners[index]);
    }
}
