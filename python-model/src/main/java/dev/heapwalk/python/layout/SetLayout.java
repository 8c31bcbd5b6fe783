// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C name {@code PySetObject}, for {@code set} and {@code frozenset}.
 *
 * @param small {@code smalltable}, the table of a set of few elements
 * @param key where an entry of the table has its key
 * @param hash where it has the hash of the key
 * @param hashOfRemoved whether an entry whose element was removed has {@link #REMOVED} as its hash; else its key tells
 */
public record SetLayout(int small, int key, int hash, boolean hashOfRemoved) {
    /** {@code used}. */
    public static final int USED = 24;
    /** {@code mask}, one less than the table has entries. */
    public static final int MASK = 32;
    /** {@code table}. */
    public static final int TABLE = 40;
    /** The size of an entry, in bytes. */
    public static final int ENTRY = 16;
    /** How much of a set is read, in bytes. */
    public static final int BYTES = 48;
    /** The hash of an entry whose element was removed, which no object has. */
    public static final long REMOVED = -1;
    /** The key of such an entry where the hash does not tell it. */
    public static final String REMOVED_KEY = "<dummy key>";

    static SetLayout of(int version) {
        return version < 300 ? new SetLayout(56, 8, 0, false) : new SetLayout(64, 0, 8, true);
    }
}
