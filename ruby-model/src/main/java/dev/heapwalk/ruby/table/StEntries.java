// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.table;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.TableLayout;
import java.lang.foreign.MemorySegment;

/** Goes through the entries of an {@code st_table} in the order of their insertion, without the deleted ones. */
public final class StEntries {
    private final Reader memory;
    private long entries;
    private long bound;
    private long index;
    private long size;
    private long room;
    private long hash;
    private long key;
    private long record;

    /**
     * Makes a cursor that has no table yet.
     *
     * @param reader what reads the tables
     */
    public StEntries(ObjectReader reader) {
        this.memory = reader.memory();
    }

    /**
     * Goes before the first entry of a table.
     *
     * @param table target address of an {@code st_table}; 0 is an empty one
     * @return this cursor
     * @throws UnmappedAddressException if the table, or the end that it claims to have, can't be read
     */
    public StEntries over(long table) {
        entries = 0;
        bound = 0;
        index = 0;
        size = 0;
        room = 0;
        if (table == 0) {
            return this;
        }
        long offset = memory.require(table, TableLayout.ST_SIZE);
        MemorySegment segment = memory.segment();
        size = segment.get(Words.LONG, offset + TableLayout.ST_NUM_ENTRIES);
        room = 1L << segment.get(Words.BYTE, offset + TableLayout.ST_ENTRY_POWER);
        index = segment.get(Words.LONG, offset + TableLayout.ST_ENTRIES_START);
        entries = segment.get(Words.LONG, offset + TableLayout.ST_ENTRIES);
        long claimed = segment.get(Words.LONG, offset + TableLayout.ST_ENTRIES_BOUND);
        // No table is larger than the memory it claims to lie in.
        memory.requireMapped(entries, index < 0 || index > claimed ? -1 : claimed, TableLayout.ST_ENTRY_SIZE);
        bound = claimed;
        return this;
    }

    /**
     * How many entries the table says it has.
     *
     * @return {@code num_entries}, unchecked
     */
    public long size() {
        return size;
    }

    /**
     * How many entries there is room for.
     *
     * @return 2 to the power of {@code entry_power}, unchecked
     */
    public long room() {
        return room;
    }

    /**
     * Moves to the next entry.
     *
     * @return whether there is one
     * @throws UnmappedAddressException if it can't be read
     */
    public boolean next() {
        while (index < bound) {
            long offset = memory.require(entries + index++ * TableLayout.ST_ENTRY_SIZE, TableLayout.ST_ENTRY_SIZE);
            MemorySegment segment = memory.segment();
            hash = segment.get(Words.LONG, offset);
            if (hash != TableLayout.ST_DELETED) {
                key = segment.get(Words.LONG, offset + TableLayout.ST_ENTRY_KEY);
                record = segment.get(Words.LONG, offset + TableLayout.ST_ENTRY_RECORD);
                return true;
            }
        }
        return false;
    }

    /**
     * The hash of the entry.
     *
     * @return {@code hash}
     */
    public long hash() {
        return hash;
    }

    /**
     * The key of the entry.
     *
     * @return {@code key}
     */
    public long key() {
        return key;
    }

    /**
     * The value of the entry.
     *
     * @return {@code record}
     */
    public long record() {
        return record;
    }

    @Override
    public String toString() {
        return "0x%x => 0x%x, %d of %d entries".formatted(key, record, index, bound);
    }
}
