// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.content;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.DataLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.object.HashCursor;
import dev.heapwalk.ruby.object.IvarCursor;
import dev.heapwalk.ruby.object.RHash;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Goes through the elements of a Set: the keys of its Hash, or of a table of its own since 4.0. A flyweight that moves,
 * for one thread.
 */
public final class Sets {
    private static final byte[] HASH = "@hash".getBytes(StandardCharsets.US_ASCII);

    private final ObjectReader reader;
    private final Reader memory;
    private final IvarCursor ivars;
    private final HashCursor pairs;
    private final RHash hash;
    private boolean inHash;
    private long entries;
    private long index;
    private long bound;
    private long element;

    /**
     * Makes a cursor that has no Set yet.
     *
     * @param reader what reads the Sets
     */
    public Sets(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.ivars = new IvarCursor(reader);
        this.pairs = new HashCursor(reader);
        this.hash = new RHash(reader);
    }

    /**
     * Goes before the first element of a Set that has a Hash.
     *
     * @param address target address of an object
     * @return whether it has one
     * @throws dev.heapwalk.memory.UnmappedAddressException if it can't be read, or claims what can't be
     */
    public boolean overObject(long address) {
        ivars.over(address);
        while (ivars.next()) {
            if (ivars.name().filter(name -> Arrays.equals(name, HASH)).isPresent()) {
                long held = ivars.value();
                inHash = true;
                if (!reader.isSlot(held) || reader.at(held, hash).type() != RubyType.HASH) {
                    return false;
                }
                pairs.over(hash);
                return true;
            }
        }
        return false;
    }

    /**
     * Goes before the first element of a Set that has a table. C name {@code set_table}.
     *
     * @param data target address of the data of an object of the type {@code set}
     * @return this cursor
     * @throws dev.heapwalk.memory.UnmappedAddressException if it can't be read, or claims what can't be
     */
    public Sets overData(long data) {
        inHash = false;
        index = memory.readLong(data + DataLayout.SET_ENTRIES_START);
        bound = memory.readLong(data + DataLayout.SET_ENTRIES_BOUND);
        entries = memory.readLong(data + DataLayout.SET_ENTRIES);
        memory.requireMapped(entries, index < 0 || index > bound ? -1 : bound, DataLayout.SET_ENTRY_SIZE);
        return this;
    }

    /**
     * Moves to the next element.
     *
     * @return whether there is one
     * @throws dev.heapwalk.memory.UnmappedAddressException if it can't be read
     */
    public boolean next() {
        if (inHash) {
            boolean more = pairs.next();
            element = more ? pairs.key() : 0;
            return more;
        }
        while (index < bound) {
            long entry = entries + index++ * DataLayout.SET_ENTRY_SIZE;
            if (memory.readLong(entry) != TableLayout.ST_DELETED) {
                element = memory.readLong(entry + DataLayout.SET_ENTRY_KEY);
                return true;
            }
        }
        return false;
    }

    /**
     * The element.
     *
     * @return a {@code VALUE}
     */
    public long element() {
        return element;
    }
}
