// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.sqlite.service;

import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.natives.block.BlockUses;
import dev.heapwalk.sqlite.SqliteCategories;

/**
 * The pages of databases that a cache has. Behind each page is a structure that leads to where the page begins and to
 * what comes behind it, and to a cache of pages of this size.
 */
final class Pages {
    private static final int LEAST = 512;
    private static final int LARGEST = 1 << 16;
    private static final int SIZE_HEAD = 8;

    // C name PgHdr1.
    private static final int PAGE = 0;
    private static final int BEHIND = 8;
    private static final int CACHE = 32;
    private static final int HEADER_MOST = 96;

    // C name PCache1.
    private static final int CACHE_PAGE_SIZE = 16;
    private static final int CACHE_BYTES = 120;
    /** A cache of more pages than anybody has, in bytes of its table. */
    private static final int MOST_TABLE = 1 << 26;

    private static final int TELL_EACH = 1 << 13;

    private final BlockUses uses;
    private final UsedBlocks blocks;
    private final Reader reader;

    Pages(BlockUses uses, Reader reader) {
        this.uses = uses;
        this.blocks = uses.blocks();
        this.reader = reader;
    }

    void find(Runnable progress) {
        for (int block = 0; block < blocks.count(); block++) {
            if (blocks.size(block) > LEAST + HEADER_MOST / 2) {
                take(block);
            }
            if ((block & TELL_EACH - 1) == 0) {
                progress.run();
            }
        }
    }

    private void take(int block) {
        long size = blocks.size(block);
        for (int head = 0; head <= SIZE_HEAD; head += SIZE_HEAD) {
            long page = blocks.address(block) + head;
            for (int bytes = LEAST; bytes <= LARGEST && head + bytes + CACHE + Long.BYTES <= size; bytes *= 2) {
                long header = page + bytes;
                if (reader.readLong(header + PAGE, 0) == page && isHeader(header, bytes)) {
                    uses.give(block, SqliteCategories.pages(bytes));
                    takeCache(reader.readLong(header + CACHE, 0));
                    return;
                }
            }
        }
    }

    private boolean isHeader(long header, int bytes) {
        long behind = reader.readLong(header + BEHIND, 0) - header;
        long cache = reader.readLong(header + CACHE, 0);
        return behind > CACHE
                && behind <= HEADER_MOST
                && cache != 0
                && reader.readInt(cache + CACHE_PAGE_SIZE, 0) == bytes;
    }

    /** A cache has a table of its pages, which leads to nothing but pages. */
    private void takeCache(long cache) {
        int block = Databases.blockAt(blocks, cache);
        if (block < 0 || !uses.give(block, SqliteCategories.CACHE)) {
            return;
        }
        for (long at = CACHE_PAGE_SIZE; at < CACHE_BYTES; at += Long.BYTES) {
            int table = Databases.blockAt(blocks, reader.readLong(cache + at, 0));
            if (table >= 0 && !uses.has(table) && blocks.size(table) <= MOST_TABLE && isTable(table, cache)) {
                uses.give(table, SqliteCategories.CACHE);
            }
        }
    }

    private boolean isTable(int table, long cache) {
        long start = blocks.address(table);
        boolean any = false;
        for (long at = start; at + Long.BYTES <= start + blocks.size(table); at += Long.BYTES) {
            long header = reader.readLong(at, 0);
            if (header != 0 && at > start) {
                if (reader.readLong(header + CACHE, 0) != cache) {
                    // What the block has more than was asked for may be anything.
                    return any && at + 2 * Long.BYTES >= start + blocks.size(table);
                }
                any = true;
            }
        }
        return any;
    }
}
