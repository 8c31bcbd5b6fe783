// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * C names {@code st_table} and {@code struct rb_id_table}, the same in all versions supported.
 */
public final class TableLayout {
    /** The size of {@code st_table}. */
    public static final int ST_SIZE = 56;
    /** {@code st_table.entry_power}, one byte. */
    public static final int ST_ENTRY_POWER = 0;
    /** {@code st_table.type}, the pointer to its functions. */
    public static final int ST_TYPE = 8;
    /** {@code st_table.num_entries}. */
    public static final int ST_NUM_ENTRIES = 16;
    /** {@code st_table.bins}. */
    public static final int ST_BINS = 24;
    /** {@code st_table.entries_start}. */
    public static final int ST_ENTRIES_START = 32;
    /** {@code st_table.entries_bound}. */
    public static final int ST_ENTRIES_BOUND = 40;
    /** {@code st_table.entries}. */
    public static final int ST_ENTRIES = 48;
    /** The size of {@code st_table_entry}: hash, key and record. */
    public static final int ST_ENTRY_SIZE = 24;
    /** {@code key} of an entry. */
    public static final int ST_ENTRY_KEY = 8;
    /** {@code record} of an entry. */
    public static final int ST_ENTRY_RECORD = 16;
    /** The hash of an entry that was deleted: {@code RESERVED_HASH_VAL}. */
    public static final long ST_DELETED = -1;

    /** The size of {@code struct rb_id_table}: capacity and number (32 bits), used (32 bits), items. */
    public static final int ID_SIZE = 24;
    /** {@code rb_id_table.capa}, 32 bits. */
    public static final int ID_CAPACITY = 0;
    /** {@code rb_id_table.num}, 32 bits. */
    public static final int ID_NUMBER = 4;
    /** {@code rb_id_table.items}. */
    public static final int ID_ITEMS = 16;
    /** The size of an item: key (32 bits), collision (32 bits), value. */
    public static final int ID_ITEM_SIZE = 16;

    /** The value of an item. */
    public static final int ID_ITEM_VALUE = 8;
    /** {@code ivptr} of {@code struct gen_ivtbl}: its values, behind how many they are (32 bits). */
    public static final int IVARS_VALUES = 8;

    private TableLayout() {}
}
