// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.object.RHash;
import dev.heapwalk.ruby.table.StEntries;

/**
 * Tells the two ways in which the {@code st_table} of a Hash compares keys: C names {@code objhash} and {@code
 * identhash}. They are static variables without exported names, so it goes by what the tables hold: {@code objhash}
 * keeps hashes of 63 bits, so that the top bit is clear (2.7) or equals the next (since 3.0), while those of {@code
 * identhash} are any 64 bits. A type with many entries that are all of one of the first two kinds is {@code objhash};
 * any other that a Hash has which Ruby code can see is {@code identhash}.
 */
final class HashTypes {
    /** How many hashes must be so: by chance they are once in 2 to the power of it. */
    private static final int ENOUGH = 64;

    private final ObjectReader reader;
    private long byEquality;
    private boolean looked;

    HashTypes(ObjectReader reader) {
        this.reader = reader;
    }

    /** Whether tables of a type compare keys by identity. */
    boolean identity(long type) {
        if (!looked) {
            looked = true;
            look();
        }
        return byEquality != 0 && type != byEquality;
    }

    private void look() {
        // By type: how many hashes had 63 bits, with each of the two ways to tell; -1 once one had not.
        LongTable clear = new LongTable();
        LongTable equal = new LongTable();
        SlotCursor slot = reader.vm().slots(reader);
        StEntries entries = new StEntries(reader);
        long best = 0;
        while (slot.next() && best < ENOUGH) {
            if (slot.type() != RubyType.HASH || slot.klass() == 0 || slot.state() != SlotState.LIVE) {
                continue;
            }
            RHash hash = slot.asHash();
            if (!hash.hasTable()) {
                continue;
            }
            try {
                long table = hash.table();
                long type = hash.tableType();
                if (type == 0) {
                    continue;
                }
                long wasClear = clear.get(type, 0);
                long wasEqual = equal.get(type, 0);
                entries.over(table);
                for (int i = 0; i < ENOUGH && (wasClear >= 0 || wasEqual >= 0) && entries.next(); i++) {
                    long top = entries.hash() >>> 62;
                    wasClear = wasClear < 0 || top > 1 ? -1 : wasClear + 1;
                    wasEqual = wasEqual < 0 || top == 1 || top == 2 ? -1 : wasEqual + 1;
                }
                clear.put(type, wasClear);
                equal.put(type, wasEqual);
                if (type == byEquality || Math.max(wasClear, wasEqual) > best) {
                    byEquality = type;
                    best = Math.max(wasClear, wasEqual);
                }
            } catch (UnmappedAddressException e) {
                // A damaged table is no evidence.
            }
        }
        if (best < 1) {
            byEquality = 0;
        }
    }

    void forget() {
        looked = false;
        byEquality = 0;
    }
}
