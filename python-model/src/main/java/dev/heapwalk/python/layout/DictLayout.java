// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C names {@code PyDictObject} and {@code PyDictKeysObject}.
 *
 * @param used {@code ma_used}
 * @param keys {@code ma_keys}, or -1 in 2.7, whose entries lie in a table
 * @param values {@code ma_values}, or -1
 * @param mask {@code ma_mask} of 2.7, one less than the table has entries; or -1
 * @param table {@code ma_table} of 2.7, or -1
 * @param keysSize {@code dk_size}, the size of the index table as a word; or -1 where a byte has its logarithm
 * @param log2Size {@code dk_log2_size}, a byte, or -1
 * @param log2IndexBytes {@code dk_log2_index_bytes}, a byte, or -1
 * @param kind {@code dk_kind}, a byte, or -1 where all entries have a hash
 * @param usable {@code dk_usable}, how many more entries can be filled, or -1
 * @param count {@code dk_nentries}, how many entries were ever filled
 * @param indices {@code dk_indices}, behind which the entries follow
 * @param valuesHead how many bytes lie before the first value where {@code ma_values} points
 * @param prefixed whether a byte before the first value tells how far before it the memory begins: 3.11 and 3.12
 */
public record DictLayout(
        int used,
        int keys,
        int values,
        int mask,
        int table,
        int keysSize,
        int log2Size,
        int log2IndexBytes,
        int kind,
        int usable,
        int count,
        int indices,
        int valuesHead,
        boolean prefixed) {
    /** How much of a dictionary is read, in bytes. */
    public static final int BYTES = 48;
    /** How much of {@code PyDictKeysObject} is read to know it, in bytes. */
    public static final int KEYS_BYTES = 40;
    /** {@code ma_smalltable} of 2.7, a table of few entries. */
    public static final int SMALL_TABLE = 56;
    /** The size of an entry with a hash, the key and the value behind it, in bytes. */
    public static final int HASHED_ENTRY = 24;
    /** The size of an entry that is a key and its value, in bytes. */
    public static final int PLAIN_ENTRY = 16;
    /** {@code DICT_KEYS_GENERAL}: the kind of keys that are not all text. */
    public static final int GENERAL = 0;
    /** {@code DICT_KEYS_SPLIT}: the kind of keys that are shared, since 3.11. */
    public static final int SPLIT = 2;
    /** Before the first value where values are {@link #prefixed()}: the byte that tells how far the memory begins. */
    public static final int VALUES_PREFIX = -1;
    /** How many bytes of such memory are no values at least. */
    public static final int LEAST_PREFIX = 2;
    /** {@code capacity} of {@code PyDictValues}, a byte, since 3.13. */
    public static final int VALUES_CAPACITY = 0;
    /** {@code valid} of {@code PyDictValues}, a byte: whether values within an instance are in use. */
    public static final int VALUES_VALID = 3;
    /** {@code embedded} of {@code PyDictValues}, a byte: whether the values lie within an instance. */
    public static final int VALUES_EMBEDDED = 2;

    /**
     * How many entries there is room for behind an index.
     *
     * @param size how many places the index has
     * @return {@code USABLE_FRACTION}
     */
    public static long room(long size) {
        return (size << 1) / 3;
    }

    /**
     * How large values with a head are: the head, the values, and a byte for each, which tells the order.
     *
     * @param capacity {@code capacity}
     * @return bytes
     */
    public static long valuesBytes(int capacity) {
        return Long.BYTES + (long) capacity * Long.BYTES + (capacity + Long.BYTES - 1 & -Long.BYTES);
    }

    /** The largest sensible logarithm of a size. */
    public static final int LARGEST_LOG2 = 48;

    static DictLayout of(int version) {
        if (version < 300) {
            return new DictLayout(24, -1, -1, 32, 40, -1, -1, -1, -1, -1, -1, -1, 0, false);
        }
        if (version < 311) {
            return new DictLayout(16, 32, 40, -1, -1, 8, -1, -1, -1, 24, 32, 40, 0, false);
        }
        return new DictLayout(16, 32, 40, -1, -1, -1, 8, 9, 10, 16, 24, 32, version >= 313 ? 8 : 0, version < 313);
    }
}
