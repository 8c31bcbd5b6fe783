// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.table.StEntries;
import java.lang.foreign.MemorySegment;

/**
 * Goes through the entries of a Hash in their order, without the deleted ones, whichever table they are in: C names
 * {@code ar_table} and {@code st_table}. A flyweight that moves, for one thread.
 */
public final class HashCursor {
    /** How large an entry of a table is, in bytes: a hash, the key and the value. */
    public static final int TABLE_ENTRY = TableLayout.ST_ENTRY_SIZE;

    private static final int MOST_PAIRS = 8;

    private final ObjectReader reader;
    private final Reader memory;
    private final StEntries table;
    private final long undef;
    private final long[] pairs = new long[2 * MOST_PAIRS];
    private boolean inTable;
    private int index;
    private int bound;
    private long key;
    private long value;

    /**
     * Makes a cursor that has no Hash yet.
     *
     * @param reader what reads the Hashes
     */
    public HashCursor(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.table = new StEntries(reader);
        this.undef = reader.constants().undef();
    }

    /**
     * Goes before the first entry of a Hash.
     *
     * @param hash the Hash; the view is not needed afterwards
     * @return this cursor
     * @throws UnmappedAddressException if its table can't be read, or claims what can't be
     */
    public HashCursor over(RHash hash) {
        inTable = hash.hasTable();
        index = 0;
        bound = 0;
        key = 0;
        value = 0;
        if (inTable) {
            table.over(hash.table());
            return this;
        }
        int used = hash.pairsBound();
        if (used > 0 && hash.table() != 0) {
            long offset = memory.require(hash.pairs(), RHash.PAIR_SIZE * used);
            MemorySegment.copy(memory.segment(), Words.LONG, offset, pairs, 0, 2 * used);
            bound = used;
        }
        return this;
    }

    /**
     * How many entries the table of a Hash has.
     *
     * @return {@code num_entries} of its {@code st_table}, unchecked; 0 where it has none
     */
    public long tableSize() {
        return inTable ? table.size() : 0;
    }

    /**
     * How many entries the table of a Hash has room for.
     *
     * @return those that its {@code st_table} has memory for, unchecked; 0 where it has none
     */
    public long tableRoom() {
        return inTable ? table.room() : 0;
    }

    /**
     * Moves to the next entry.
     *
     * @return whether there is one
     * @throws UnmappedAddressException if it can't be read
     */
    public boolean next() {
        if (inTable) {
            if (!table.next()) {
                return false;
            }
            key = table.key();
            value = table.record();
            return true;
        }
        while (index < bound) {
            key = pairs[2 * index];
            value = pairs[2 * index++ + 1];
            if (key != undef) {
                return true;
            }
        }
        return false;
    }

    /**
     * The key of the entry.
     *
     * @return a {@code VALUE}
     */
    public long key() {
        return key;
    }

    /**
     * The value of the entry.
     *
     * @return a {@code VALUE}
     */
    public long value() {
        return value;
    }

    /**
     * The entry for who wants to keep it.
     *
     * @return what the cursor is at
     */
    public Pair pair() {
        return new Pair(key, value);
    }

    /**
     * Tells where it stands, without reading anything.
     *
     * @return for example {@code 0x7f0012345678 => 0x3}
     */
    @Override
    public String toString() {
        return key == 0 && value == 0 ? "at no pair" : "0x%x => 0x%x".formatted(key, value);
    }

    /**
     * An entry, as it was when it was taken.
     *
     * @param key its key, a {@code VALUE}
     * @param value its value, a {@code VALUE}
     */
    public record Pair(long key, long value) {}
}
