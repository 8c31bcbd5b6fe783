// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.openssl.service;

import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.natives.block.BlockUses;
import dev.heapwalk.openssl.OpenSslCategories;

/**
 * The buffers that connections read and write records by. Up to 3.1 a connection has a structure for records in it,
 * which leads back to the connection and has the buffers. Since 3.2 that leads to two tables of functions and to a
 * structure in a block of its own for each direction, which has the buffers.
 */
final class Records {
    private static final int WORD = Long.BYTES;

    // C names SSL3_BUFFER, TLS_BUFFER: the block, a length that is wanted at least, the length, the first byte that is
    // used, how many are.
    private static final int WANTED = 8;
    private static final int LENGTH = 16;
    private static final int OFFSET = 24;
    private static final int LEFT = 32;
    private static final int BUFFER_BYTES = 40;
    private static final int LEAST_BUFFER = 64;
    private static final int MOST_BUFFER = 1 << 20;

    /** So many words behind the one that leads back to the connection are looked at for the directions. */
    private static final int MOST_FIELDS = 12;

    // C name OSSL_RECORD_LAYER, since 3.2: from 3600 to 4500 bytes.
    private static final int LEAST_DIRECTION = 2000;
    private static final int MOST_DIRECTION = 10_000;

    private final SslLibrary library;
    private final BlockUses uses;
    private final UsedBlocks blocks;
    private final Reader reader;

    Records(SslLibrary library, BlockUses uses, Reader reader) {
        this.library = library;
        this.uses = uses;
        this.blocks = uses.blocks();
        this.reader = reader;
    }

    /** Takes what belongs to a connection. */
    void take(int connection) {
        long start = blocks.address(connection);
        long end = start + blocks.size(connection);
        for (long at = start; at + WORD <= end; at += WORD) {
            if (reader.readLong(at, 0) == start && !takeDirections(at, end)) {
                takeBuffers(at + WORD, end);
            }
        }
    }

    private boolean takeDirections(long back, long end) {
        boolean methods = false;
        boolean taken = false;
        long last = Math.min(end, back + MOST_FIELDS * WORD);
        for (long at = back + WORD; at + WORD <= last; at += WORD) {
            long word = reader.readLong(at, 0);
            methods |= library.hasFunctions(word, 2);
            int block = methods ? blocks.startingAt(word) : -1;
            if (block >= 0 && isDirection(block) && uses.give(block, OpenSslCategories.RECORD_LAYER)) {
                takeBuffers(word, word + blocks.size(block));
                taken = true;
            }
        }
        return taken;
    }

    /** Whether a block may be one, and leads to a table of the library's functions. */
    private boolean isDirection(int block) {
        long size = blocks.size(block);
        if (size < LEAST_DIRECTION || size > MOST_DIRECTION) {
            return false;
        }
        long start = blocks.address(block);
        for (long at = start; at + WORD <= start + size; at += WORD) {
            if (library.hasFunctions(reader.readLong(at, 0), 2)) {
                return true;
            }
        }
        return false;
    }

    private void takeBuffers(long from, long to) {
        for (long at = from; at + BUFFER_BYTES <= to; at += WORD) {
            long length = reader.readLong(at + LENGTH, 0);
            if (length >= LEAST_BUFFER && length <= MOST_BUFFER) {
                long wanted = reader.readLong(at + WANTED, -1);
                long offset = reader.readLong(at + OFFSET, -1);
                long left = reader.readLong(at + LEFT, -1);
                if (wanted >= 0
                        && wanted <= length
                        && offset >= 0
                        && offset <= length
                        && left >= 0
                        && left <= length - offset) {
                    uses.give(uses.madeFor(reader.readLong(at, 0), length), OpenSslCategories.RECORD_BUFFER);
                }
            }
        }
    }
}
