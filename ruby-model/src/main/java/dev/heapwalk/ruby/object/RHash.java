// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.TableLayout;

/** A Hash. C name {@code struct RHash}. */
public final class RHash extends RValue {
    /** The size of a pair, in bytes: a key and a value. */
    public static final int PAIR_SIZE = 16;

    private static final int INLINE_PAIRS = 32;
    private static final long ST_TABLE = Flags.USER3;
    private static final long PROC_DEFAULT = Flags.USER2;

    private final ObjectLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RHash(ObjectReader reader) {
        super(reader);
        this.layout = RubyLayout.of(reader.series()).object();
    }

    /**
     * Whether its entries are in an {@code st_table}, and not in an {@code ar_table}.
     *
     * @return {@code RHASH_ST_TABLE_FLAG}
     */
    public boolean hasTable() {
        return has(ST_TABLE);
    }

    /**
     * Where the table is, whichever it is.
     *
     * @return a target address, 0 for an empty Hash before 3.3
     */
    public long table() {
        return layout.hashInline() ? address() + 24 : longAt(16);
    }

    /**
     * The pairs of a Hash without an {@code st_table}: a key and a value each, undefined keys are to be skipped.
     *
     * @return a target address
     */
    public long pairs() {
        // Since 3.3 a word of hints goes before them; earlier that is in the slot.
        return layout.hashInline() ? address() + INLINE_PAIRS : longAt(16);
    }

    /**
     * How many of the pairs were ever used.
     *
     * @return {@code RHASH_AR_TABLE_BOUND}, at most 8
     */
    public int pairsBound() {
        return Math.min((int) (flags() >>> 20) & 0xf, 8);
    }

    /**
     * How many pairs there are in a Hash without an {@code st_table}.
     *
     * @return {@code RHASH_AR_TABLE_SIZE}
     */
    public int pairsSize() {
        return (int) (flags() >>> 16) & 0xf;
    }

    /**
     * The default: a value, or the Proc that makes one.
     *
     * @return {@code ifnone}
     */
    public long defaultValue() {
        return longAt(layout.hashDefault());
    }

    /**
     * Whether the default is a Proc that makes the value.
     *
     * @return {@code RHASH_PROC_DEFAULT}
     */
    public boolean defaultIsProc() {
        return has(PROC_DEFAULT);
    }

    /**
     * How its {@code st_table} compares keys.
     *
     * @return target address of a {@code struct st_hash_type}, 0 if it has no {@code st_table}
     * @throws dev.heapwalk.memory.UnmappedAddressException if its table can't be read
     */
    public long tableType() {
        return hasTable() ? memory().readLong(table() + TableLayout.ST_TYPE) : 0;
    }

    /**
     * Whether keys are compared by identity and not by {@code eql?}.
     *
     * @return {@code Hash#compare_by_identity}; the first answer takes a look at the Hashes of the heap
     * @throws dev.heapwalk.memory.UnmappedAddressException if its table can't be read
     */
    public boolean comparesByIdentity() {
        return hasTable() && reader().comparesByIdentity(tableType());
    }

    /**
     * Whether its table, or its pairs, stand in the slot.
     *
     * @return whether they do, since 3.3
     */
    public boolean inline() {
        return layout.hashInline();
    }

    /**
     * How many pairs the slot has room for.
     *
     * @return a count, for a Hash that is {@linkplain #inline() inline} and has no table
     */
    public int inlinePairs() {
        return (slotSize() - INLINE_PAIRS) / PAIR_SIZE;
    }

    /**
     * A key in the slot.
     *
     * @param pair from 0 to {@link #inlinePairs()}
     * @return a {@code VALUE}, or {@code undef} where there is none
     */
    public long inlineKey(int pair) {
        return longAt(INLINE_PAIRS + (long) PAIR_SIZE * pair);
    }

    /**
     * A value in the slot.
     *
     * @param pair from 0 to {@link #inlinePairs()}
     * @return a {@code VALUE}
     */
    public long inlineValue(int pair) {
        return longAt(INLINE_PAIRS + (long) PAIR_SIZE * pair + Long.BYTES);
    }
}
