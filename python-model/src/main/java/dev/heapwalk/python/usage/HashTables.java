// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.layout.LeftoverLayout;

/**
 * The hash tables that the interpreter has beside dictionaries: of its own interned strings, of what {@code
 * tracemalloc} traces. One is known by its entries, which are as many as it says.
 */
final class HashTables {
    private final UsedBlocks blocks;
    private final UseTable table;
    private final Reader memory;
    private final int use;
    private final int entryUse;

    HashTables(UsedBlocks blocks, UseTable table, Reader memory) {
        this.blocks = blocks;
        this.table = table;
        this.memory = memory;
        this.use = table.number(TypeUses.category("interpreter", "hash table"));
        this.entryUse = table.number(TypeUses.category("interpreter", "hash table entry"));
    }

    void find() {
        for (int i = 0; i < blocks.count(); i++) {
            if (blocks.size(i) >= LeftoverLayout.TABLE_BYTES) {
                take(i, table.asked(blocks.address(i)));
            }
        }
    }

    private void take(int block, long at) {
        long first = memory.readLong(at + LeftoverLayout.TABLE_FIRST, 0);
        long second = memory.readLong(at + LeftoverLayout.TABLE_SECOND, 0);
        long buckets = memory.readLong(at + LeftoverLayout.TABLE_BUCKETS, 0);
        int array = isSize(first) || isSize(second) ? blocks.at(buckets) : -1;
        if (array < 0 || table.asked(blocks.address(array)) != buckets) {
            return;
        }
        if (isSize(second) && hasEntries(buckets, array, second, first, false)) {
            mark(block, array, buckets, second, first);
        } else if (isSize(first) && hasEntries(buckets, array, first, second, false)) {
            mark(block, array, buckets, first, second);
        }
    }

    private static boolean isSize(long number) {
        return number >= LeftoverLayout.LEAST_BUCKETS
                && number <= LeftoverLayout.MOST_BUCKETS
                && (number & number - 1) == 0;
    }

    private void mark(int block, int array, long buckets, long size, long entries) {
        table.put(blocks.address(block), use);
        table.put(blocks.address(array), use);
        hasEntries(buckets, array, size, entries, true);
    }

    /** Whether there are as many entries as a table says, each in a block of its own; and gives them their use. */
    private boolean hasEntries(long buckets, int array, long size, long entries, boolean told) {
        if (entries <= 0 || size * Long.BYTES > blocks.size(array)) {
            return false;
        }
        long count = 0;
        for (long i = 0; i < size; i++) {
            long entry = memory.readLong(buckets + i * Long.BYTES, 0);
            while (entry != 0) {
                int block = blocks.at(entry);
                if (block < 0 || table.asked(blocks.address(block)) != entry || ++count > entries) {
                    return false;
                }
                if (told) {
                    table.put(blocks.address(block), entryUse);
                }
                entry = memory.readLong(entry, 0);
            }
        }
        return count == entries;
    }
}
