// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.glib.service;

import dev.heapwalk.glib.GLibCategories;
import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.natives.block.BlockUses;

/**
 * Hash tables: counts that fit each other, a function that can be run, and three arrays in blocks of the sizes that the
 * counts ask for.
 */
final class HashTables {
    /** The table ends with a pointer to the function that frees a value. */
    static final long LEAST_BYTES = 80;

    static final long MOST_BYTES = 104;
    private static final int LEAST_SIZE = 8;
    private static final long MOST_SIZE = 1L << 31;

    private final Mappings mappings;
    private final BlockUses uses;
    private final UsedBlocks blocks;
    private final Reader reader;

    HashTables(Mappings mappings, BlockUses uses, Reader reader) {
        this.mappings = mappings;
        this.uses = uses;
        this.blocks = uses.blocks();
        this.reader = reader;
    }

    /** Takes a block for a table, with its arrays, if it is one. */
    void take(int block) {
        long size = blocks.size(block);
        if (size < LEAST_BYTES || !BlockUses.isMadeFor(size, Math.min(size, MOST_BYTES))) {
            return;
        }
        take(block, blocks.address(block));
    }

    /** Takes the table at an address, which need not lie in a block of its own. */
    void take(int block, long table) {
        // Since 2.88 the size has 32 bits.
        long length = reader.readInt(table, 0) & 0xffffffffL;
        if (length < LEAST_SIZE || length >= MOST_SIZE || Long.bitCount(length) != 1) {
            return;
        }
        int head = reader.readInt(table + Integer.BYTES, 0) == 0 ? 2 * Integer.BYTES : Integer.BYTES;
        takeFields(block, table + head, length);
    }

    /** The fields behind the size. */
    private void takeFields(int block, long at, long length) {
        int prime = reader.readInt(at, 0);
        int mask = reader.readInt(at + 4, 0);
        int nodes = reader.readInt(at + 8, -1);
        int occupied = reader.readInt(at + 12, -1);
        if (mask != length - 1
                || prime <= 0
                || prime >= length
                || nodes < 0
                || nodes > occupied
                || occupied > length
                || mappings.at(reader.readLong(at + 48 - (at & 4), 0))
                        .filter(Mapping::executable)
                        .isEmpty()) {
            return;
        }
        int flags = reader.readInt(at + 16, 0);
        long arrays = at + 24 - (at & 4);
        long keys = reader.readLong(arrays, 0);
        long values = reader.readLong(arrays + 16, 0);
        int keyBlock = uses.madeFor(keys, length * width(flags & 1));
        int hashBlock = uses.madeFor(reader.readLong(arrays + 8, 0), length * Integer.BYTES);
        int valueBlock = uses.madeFor(values, length * width(flags & 2));
        if (keyBlock < 0 || hashBlock < 0 || valueBlock < 0 && keys != values) {
            return;
        }
        uses.give(block, GLibCategories.HASH_TABLE);
        uses.give(keyBlock, GLibCategories.HASH_KEYS);
        uses.give(hashBlock, GLibCategories.HASH_HASHES);
        uses.give(valueBlock, GLibCategories.HASH_VALUES);
    }

    /** Small numbers are kept in four bytes. */
    private static int width(int big) {
        return big == 0 ? Integer.BYTES : Long.BYTES;
    }
}
