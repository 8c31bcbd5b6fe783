// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.sqlite.service;

import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.natives.block.BlockUses;
import dev.heapwalk.sqlite.SqliteCategories;

/** Schemas: four hash tables, each of which has as many entries as it says, in a list of two directions. */
final class Schemas {
    // C name Schema: a cookie and a count of changes, then the hash tables.
    private static final long TABLES = 8;

    // C name Hash.
    private static final long HASH_BYTES = 24;
    private static final long COUNT = 4;
    private static final long FIRST = 8;
    private static final long BUCKETS = 16;
    private static final int HASHES = 4;
    private static final int TABLE_HASH = 0;
    private static final int INDEX_HASH = 1;

    // C name HashElem.
    private static final long PREVIOUS = 8;
    private static final long DATA = 16;
    private static final long KEY = 24;

    /** {@code aCol} of a {@code Table}. */
    private static final long COLUMNS = 8;

    private static final int MOST = 1 << 24;

    private final BlockUses uses;
    private final UsedBlocks blocks;
    private final Reader reader;

    Schemas(BlockUses uses, Reader reader) {
        this.uses = uses;
        this.blocks = uses.blocks();
        this.reader = reader;
    }

    void take(long schema) {
        int block = Databases.blockAt(blocks, schema);
        if (block < 0 || !isSchema(schema) || !uses.give(block, SqliteCategories.SCHEMA)) {
            return;
        }
        for (int i = 0; i < HASHES; i++) {
            long hash = schema + TABLES + i * HASH_BYTES;
            give(reader.readLong(hash + BUCKETS, 0), SqliteCategories.HASH);
            for (long at = reader.readLong(hash + FIRST, 0); at != 0; at = reader.readLong(at, 0)) {
                give(at, SqliteCategories.HASH);
                long data = reader.readLong(at + DATA, 0);
                if (i == TABLE_HASH) {
                    give(data, SqliteCategories.TABLE);
                    give(reader.readLong(data + COLUMNS, 0), SqliteCategories.TABLE);
                    give(reader.readLong(data, 0), SqliteCategories.TABLE);
                } else if (i == INDEX_HASH) {
                    give(data, SqliteCategories.INDEX);
                }
            }
        }
    }

    private void give(long address, Category category) {
        uses.give(Databases.blockAt(blocks, address), category);
    }

    private boolean isSchema(long schema) {
        for (int i = 0; i < HASHES; i++) {
            if (!isHash(schema + TABLES + i * HASH_BYTES)) {
                return false;
            }
        }
        return true;
    }

    private boolean isHash(long hash) {
        int count = reader.readInt(hash + COUNT, -1);
        long before = 0;
        long at = reader.readLong(hash + FIRST, -1);
        int found = 0;
        while (at != 0) {
            if (++found > Math.min(count, MOST)
                    || Databases.blockAt(blocks, at) < 0
                    || reader.readLong(at + PREVIOUS, -1) != before
                    || reader.readLong(at + KEY, 0) == 0) {
                return false;
            }
            before = at;
            at = reader.readLong(at, 0);
        }
        return found == count;
    }
}
