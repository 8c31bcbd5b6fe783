// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.table;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.name.SymbolNames;
import java.lang.foreign.MemorySegment;

/** Goes through the entries of a {@code struct rb_id_table}, whose keys are the serial numbers of IDs. */
public final class IdEntries {
    private final Reader memory;
    private long items;
    private int capacity;
    private int size;
    private int index;
    private int serial;
    private long value;

    /**
     * Makes a cursor that has no table yet.
     *
     * @param reader what reads the tables
     */
    public IdEntries(ObjectReader reader) {
        this.memory = reader.memory();
    }

    /**
     * Goes before the first entry of a table.
     *
     * @param table target address of a {@code struct rb_id_table}; 0 is an empty one
     * @return this cursor
     * @throws UnmappedAddressException if the table, or the end that it claims to have, can't be read
     */
    public IdEntries over(long table) {
        capacity = 0;
        size = 0;
        index = 0;
        serial = 0;
        items = 0;
        if (table == 0) {
            return this;
        }
        long offset = memory.require(table, TableLayout.ID_SIZE);
        MemorySegment segment = memory.segment();
        int claimed = segment.get(Words.INT, offset + TableLayout.ID_CAPACITY);
        size = segment.get(Words.INT, offset + TableLayout.ID_NUMBER);
        items = segment.get(Words.LONG, offset + TableLayout.ID_ITEMS);
        memory.requireMapped(items, claimed, TableLayout.ID_ITEM_SIZE);
        capacity = claimed;
        return this;
    }

    /**
     * How many entries the table says it has.
     *
     * @return {@code num}, unchecked
     */
    public int size() {
        return size;
    }

    /**
     * How many entries it has room for.
     *
     * @return {@code capa}
     */
    public int capacity() {
        return capacity;
    }

    /**
     * Moves to the next entry.
     *
     * @return whether there is one
     * @throws UnmappedAddressException if it can't be read
     */
    public boolean next() {
        while (index < capacity) {
            long offset = memory.require(items + (long) index++ * TableLayout.ID_ITEM_SIZE, TableLayout.ID_ITEM_SIZE);
            MemorySegment segment = memory.segment();
            serial = segment.get(Words.INT, offset);
            if (serial != 0) {
                value = segment.get(Words.LONG, offset + TableLayout.ID_ITEM_VALUE);
                return true;
            }
        }
        return false;
    }

    /**
     * The key of the entry.
     *
     * @return a serial number, see {@link SymbolNames#ofSerial}
     */
    public int serial() {
        return serial;
    }

    /**
     * The value of the entry.
     *
     * @return what the table holds
     */
    public long value() {
        return value;
    }

    @Override
    public String toString() {
        return "%d = 0x%x, %d of %d places".formatted(serial, value, index, capacity);
    }
}
