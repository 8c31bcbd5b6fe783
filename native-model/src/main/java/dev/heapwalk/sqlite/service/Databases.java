// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.sqlite.service;

import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.natives.block.BlockUses;
import dev.heapwalk.sqlite.SqliteCategories;

/**
 * Connections and what they lead to. A connection is known by its list of databases, which are named as SQLite names
 * them and lead back to it; all else is led to by a connection and tells of it, or counts what it has. The fields that
 * are read are those that have not moved since 3.34.
 */
final class Databases {
    /** Where the library keeps the size of a block before it, the block begins so much earlier. */
    private static final long SIZE_HEAD = 8;

    // C name sqlite3.
    private static final long LEAST_CONNECTION = 400;
    private static final long MOST_CONNECTION = 2000;
    private static final long STATEMENTS = 8;
    private static final long DATABASES = 32;
    private static final long DATABASE_COUNT = 40;
    private static final int MOST_DATABASES = 128;
    private static final long LEAST_LOOKASIDE = 1000;

    // C name Db.
    private static final long DB_BYTES = 32;
    /** The letters of a name that are looked at: so many that a longer one is another. */
    private static final int NAME_LETTERS = 5;

    private static final long DB_TREE = 8;
    private static final long DB_SCHEMA = 24;

    // C names Btree, BtShared.
    private static final long TREE_SHARED = 8;
    private static final long SHARED_CONNECTION = 8;

    // C name Vdbe; all from the fourth word on are its own.
    private static final long PREVIOUS = 8;
    private static final long NEXT = 16;
    private static final long OWN = 32;
    private static final long LEAST_STATEMENT = 200;
    private static final long STATEMENT_BYTES = 360;

    // C name VdbeOp; its last operand may lead to a KeyInfo or a context of a function, which name whose they are.
    private static final long OP_TYPE = 1;
    private static final long OP_OPERAND = 16;
    /** Operands of lower types belong to the statement. */
    private static final int OWN_OPERAND = -5;

    private static final long KEY_CONNECTION = 16;
    private static final long CONTEXT_STATEMENT = 24;

    // C name Mem, from its connection on: how much room its buffer has, and where that is.
    private static final long VALUE_ROOM = 8;
    private static final long VALUE_BUFFER = 16;
    /** Where a value of older releases has its connection, which has them on the other side. */
    private static final long OLD_VALUE_CONNECTION = 40;

    private final BlockUses uses;
    private final UsedBlocks blocks;
    private final Reader reader;
    private final Schemas schemas;

    Databases(BlockUses uses, Reader reader) {
        this.uses = uses;
        this.blocks = uses.blocks();
        this.reader = reader;
        this.schemas = new Schemas(uses, reader);
    }

    void find(Runnable progress) {
        new Pages(uses, reader).find(progress);
        for (int block = 0; block < blocks.count(); block++) {
            long size = blocks.size(block);
            if (size >= LEAST_CONNECTION && size <= MOST_CONNECTION && !uses.has(block)) {
                long start = blocks.address(block);
                if (isConnection(start)) {
                    take(block, start);
                } else if (isConnection(start + SIZE_HEAD)) {
                    take(block, start + SIZE_HEAD);
                }
            }
        }
    }

    /** The block that the library asked for at an address, -1 if there is none. */
    static int blockAt(UsedBlocks blocks, long address) {
        int block = (address & 7) == 0 ? blocks.at(address) : -1;
        long head = block < 0 ? 0 : address - blocks.address(block);
        return head == 0 || head == SIZE_HEAD ? block : -1;
    }

    private boolean isConnection(long at) {
        long databases = reader.readLong(at + DATABASES, 0);
        int count = reader.readInt(at + DATABASE_COUNT, 0);
        if (databases == 0
                || (databases & 7) != 0
                || count < 2
                || count > MOST_DATABASES
                || blocks.at(databases) < 0
                || !name(databases).equals("main")
                || !name(databases + DB_BYTES).equals("temp")) {
            return false;
        }
        long tree = reader.readLong(databases + DB_TREE, 0);
        return tree != 0 && reader.readLong(tree, 0) == at;
    }

    private String name(long database) {
        long name = reader.readLong(database, 0);
        return name == 0 ? "" : reader.readCString(name, NAME_LETTERS, "");
    }

    private void take(int block, long connection) {
        uses.give(block, SqliteCategories.CONNECTION);
        long databases = reader.readLong(connection + DATABASES, 0);
        give(databases, SqliteCategories.BTREE);
        int count = reader.readInt(connection + DATABASE_COUNT, 0);
        for (int i = 0; i < count; i++) {
            takeDatabase(databases + i * DB_BYTES, connection);
        }
        takeLookaside(block);
        takeStatements(connection);
    }

    private void give(long address, Category category) {
        uses.give(blockAt(blocks, address), category);
    }

    private void takeDatabase(long database, long connection) {
        long tree = reader.readLong(database + DB_TREE, 0);
        if (tree != 0 && reader.readLong(tree, 0) == connection) {
            give(tree, SqliteCategories.BTREE);
            long shared = reader.readLong(tree + TREE_SHARED, 0);
            // Others may share it, of which one is its connection.
            long other = reader.readLong(shared + SHARED_CONNECTION, 0);
            if (other == connection || other != 0 && isConnection(other)) {
                give(shared, SqliteCategories.BTREE);
                give(reader.readLong(shared, 0), SqliteCategories.BTREE);
            }
        }
        schemas.take(reader.readLong(database + DB_SCHEMA, 0));
    }

    /** A connection leads to the beginning of this memory, and in the next word to its end. */
    private void takeLookaside(int connection) {
        long start = blocks.address(connection);
        long end = start + blocks.size(connection);
        for (long at = start; at + 2 * Long.BYTES <= end; at += Long.BYTES) {
            long first = reader.readLong(at, 0);
            int block = blockAt(blocks, first);
            if (block >= 0 && blocks.size(block) >= LEAST_LOOKASIDE) {
                long last = reader.readLong(at + Long.BYTES, 0);
                long behind = blocks.address(block) + blocks.size(block);
                if (last > first && last <= behind && behind - last < (last - first) / 4) {
                    uses.give(block, SqliteCategories.LOOKASIDE);
                }
            }
        }
    }

    private void takeStatements(long connection) {
        long before = 0;
        long link = connection + STATEMENTS;
        long statement = reader.readLong(link, 0);
        while (statement != 0) {
            int block = blocks.at(statement);
            long back = reader.readLong(statement + PREVIOUS, -1);
            // Each tells of its connection, and of the one before it or, in newer releases, of what leads to it.
            if (block < 0 || reader.readLong(statement, 0) != connection || back != before && back != link) {
                return;
            }
            long bytes = STATEMENT_BYTES;
            if (blockAt(blocks, statement) == block && blocks.size(block) < LEAST_LOOKASIDE) {
                uses.give(block, SqliteCategories.STATEMENT);
                bytes = blocks.size(block) - (statement - blocks.address(block));
            }
            takeOwn(statement, bytes, connection);
            before = statement;
            link = statement + NEXT;
            statement = reader.readLong(link, 0);
        }
    }

    private void takeOwn(long statement, long bytes, long connection) {
        int side = side(statement, bytes, connection);
        for (long at = OWN; at + Long.BYTES <= bytes && bytes >= LEAST_STATEMENT; at += Long.BYTES) {
            int own = blockAt(blocks, reader.readLong(statement + at, 0));
            if (uses.give(own, SqliteCategories.STATEMENT_MEMORY)) {
                takeWithin(own, statement, connection, side);
            }
        }
    }

    /** On which side of its connection a value tells of its buffer: 1 behind it, -1 before it, as older releases do. */
    private int side(long statement, long bytes, long connection) {
        for (long at = OWN; at + Long.BYTES <= bytes; at += Long.BYTES) {
            long own = reader.readLong(statement + at, 0);
            if (own != 0 && reader.readLong(own + OLD_VALUE_CONNECTION, 0) == connection) {
                return -1;
            }
        }
        return 1;
    }

    /** Operations and registers may lie in one block, so each word is looked at for both. */
    private void takeWithin(int block, long statement, long connection, int side) {
        long start = blocks.address(block);
        long end = start + blocks.size(block);
        for (long at = start; at + Long.BYTES <= end; at += Long.BYTES) {
            long word = reader.readLong(at, 0);
            if (word == connection) {
                takeBuffer(at + side * VALUE_ROOM, at + side * VALUE_BUFFER);
            } else if (word != 0
                    && at - start >= OP_OPERAND
                    && reader.readByte(at - OP_OPERAND + OP_TYPE, (byte) 0) < OWN_OPERAND
                    && (reader.readLong(word + KEY_CONNECTION, 0) == connection
                            || reader.readLong(word + CONTEXT_STATEMENT, 0) == statement)) {
                give(word, SqliteCategories.STATEMENT_MEMORY);
            }
        }
    }

    private void takeBuffer(long roomAt, long bufferAt) {
        int room = reader.readInt(roomAt, 0);
        int buffer = blockAt(blocks, reader.readLong(bufferAt, 0));
        if (buffer >= 0 && room > 0 && BlockUses.isMadeFor(blocks.size(buffer), room)) {
            uses.give(buffer, SqliteCategories.STATEMENT_MEMORY);
        }
    }
}
