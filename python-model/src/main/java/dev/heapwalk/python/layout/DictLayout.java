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
 * @param count {@code dk_nentries}, how many entries were ever filled
 * @param indices {@code dk_indices}, behind which the entries follow
 * @param valuesHead how many bytes lie before the first value where {@code ma_values} points
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
        int count,
        int indices,
        int valuesHead) {
    /** How much of a dictionary is read, in bytes. */
    public static final int BYTES = 48;
    /** How much of {@code PyDictKeysObject} is read to know it, in bytes. */
    public static final int KEYS_BYTES = 40;
    /** The size of an entry with a hash, the key and the value behind it, in bytes. */
    public static final int HASHED_ENTRY = 24;
    /** The size of an entry that is a key and its value, in bytes. */
    public static final int PLAIN_ENTRY = 16;
    /** {@code DICT_KEYS_GENERAL}: the kind of keys that are not all text. */
    public static final int GENERAL = 0;
    /** The largest sensible logarithm of a size. */
    public static final int LARGEST_LOG2 = 48;

    static DictLayout of(int version) {
        if (version < 300) {
            return new DictLayout(24, -1, -1, 32, 40, -1, -1, -1, -1, -1, -1, 0);
        }
        if (version < 311) {
            return new DictLayout(16, 32, 40, -1, -1, 8, -1, -1, -1, 32, 40, 0);
        }
        return new DictLayout(16, 32, 40, -1, -1, -1, 8, 9, 10, 24, 32, version >= 313 ? 8 : 0);
    }
}
