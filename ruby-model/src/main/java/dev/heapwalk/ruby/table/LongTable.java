// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.table;

/** A table from addresses to numbers that allocates nothing for a look-up. Zero is no key. */
public final class LongTable {
    private static final int FIRST = 64;

    private long[] keys = new long[FIRST];
    private long[] values = new long[FIRST];
    private int size;

    private static int place(long key, int mask) {
        return (int) (key * 0x9e3779b97f4a7c15L >>> 40) & mask;
    }

    /** The number of a key, or another if it has none. */
    public long get(long key, long otherwise) {
        int mask = keys.length - 1;
        for (int place = place(key, mask); keys[place] != 0; place = place + 1 & mask) {
            if (keys[place] == key) {
                return values[place];
            }
        }
        return otherwise;
    }

    /** Gives a key a number. */
    public void put(long key, long value) {
        if (size * 2 >= keys.length) {
            grow();
        }
        int mask = keys.length - 1;
        int place = place(key, mask);
        while (keys[place] != 0 && keys[place] != key) {
            place = place + 1 & mask;
        }
        if (keys[place] == 0) {
            keys[place] = key;
            size++;
        }
        values[place] = value;
    }

    private void grow() {
        long[] oldKeys = keys;
        long[] oldValues = values;
        keys = new long[oldKeys.length * 2];
        values = new long[oldKeys.length * 2];
        size = 0;
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldKeys[i] != 0) {
                put(oldKeys[i], oldValues[i]);
            }
        }
    }

    /** Forgets all keys. */
    public void clear() {
        keys = new long[FIRST];
        values = new long[FIRST];
        size = 0;
    }
}
