// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import java.util.Arrays;

/**
 * A table from 64-bit keys, such as target addresses, to 64-bit values, with open addressing in two arrays: what a
 * {@code HashMap<Long, Long>} is for, without an object for a key or a value. Nothing but the growth of the table
 * allocates. Every key can be in it, 0 too.
 *
 * <p>It is not for several threads at once, unless all of them only look up.
 */
public final class LongTable {
    private static final int LEAST = 64;
    /** Keys that differ in few bits come to lie far from each other. */
    private static final long SPREAD = 0x9e3779b97f4a7c15L;

    /** Takes what a table holds, one entry after the other. */
    @FunctionalInterface
    public interface Entries {
        /**
         * Takes an entry.
         *
         * @param key its key
         * @param value its value
         */
        void entry(long key, long value);
    }

    // The key 0 marks a free place, so its value has a field of its own.
    private long[] keys;
    private long[] values;
    private int shift;
    private int used;
    private boolean hasZero;
    private long ofZero;

    /** Makes an empty table. */
    public LongTable() {
        allocate(LEAST);
    }

    private void allocate(int places) {
        keys = new long[places];
        values = new long[places];
        shift = Long.SIZE - Integer.numberOfTrailingZeros(places);
    }

    /** Where a key is, or the free place where it belongs. */
    private int place(long key) {
        int place = (int) (key * SPREAD >>> shift);
        while (keys[place] != 0 && keys[place] != key) {
            place = place + 1 & keys.length - 1;
        }
        return place;
    }

    /**
     * Looks a key up.
     *
     * @param key any number
     * @param otherwise the answer if the key is not in the table
     * @return its value
     */
    public long get(long key, long otherwise) {
        if (key == 0) {
            return hasZero ? ofZero : otherwise;
        }
        int place = place(key);
        return keys[place] == key ? values[place] : otherwise;
    }

    /**
     * Gives a key a value, in place of the one that it had.
     *
     * @param key any number
     * @param value any number
     */
    public void put(long key, long value) {
        if (key == 0) {
            hasZero = true;
            ofZero = value;
        } else {
            int place = take(key);
            values[place] = value;
        }
    }

    /**
     * Adds to the value of a key; one that is not in the table had 0. To count by address.
     *
     * @param key any number
     * @param more what is added, which may be negative
     * @return the new value
     */
    public long add(long key, long more) {
        if (key == 0) {
            hasZero = true;
            return ofZero += more;
        }
        int place = take(key);
        return values[place] += more;
    }

    /** The place of a key, which is in the table then. The arrays may be others after it. */
    private int take(long key) {
        int place = place(key);
        if (keys[place] == key) {
            return place;
        }
        if (used * 2L >= keys.length) {
            grow();
            place = place(key);
        }
        keys[place] = key;
        used++;
        return place;
    }

    private void grow() {
        if (keys.length > 1 << 29) {
            throw new IllegalStateException("a table has room for " + keys.length / 2 + " keys, and they are all in");
        }
        long[] oldKeys = keys;
        long[] oldValues = values;
        allocate(oldKeys.length * 2);
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldKeys[i] != 0) {
                int place = place(oldKeys[i]);
                keys[place] = oldKeys[i];
                values[place] = oldValues[i];
            }
        }
    }

    /**
     * How many keys are in the table.
     *
     * @return a count
     */
    public int size() {
        return used + (hasZero ? 1 : 0);
    }

    /**
     * Gives all that is in the table, in no order. The table must not be changed meanwhile.
     *
     * @param entries takes it
     */
    public void forEach(Entries entries) {
        if (hasZero) {
            entries.entry(0, ofZero);
        }
        for (int i = 0; i < keys.length; i++) {
            if (keys[i] != 0) {
                entries.entry(keys[i], values[i]);
            }
        }
    }

    /** Forgets all keys, and gives up the room that they took. */
    public void clear() {
        allocate(LEAST);
        forgetAll();
    }

    /**
     * Forgets all keys, and keeps the room that they took for as many others, so that nothing is allocated for them.
     * Takes time for all of that room.
     */
    public void reuse() {
        Arrays.fill(keys, 0);
        Arrays.fill(values, 0);
        forgetAll();
    }

    private void forgetAll() {
        used = 0;
        hasZero = false;
        ofZero = 0;
    }

    /**
     * Says how much is in the table.
     *
     * @return a line for a person
     */
    @Override
    public String toString() {
        return "LongTable of " + size() + " keys";
    }
}
