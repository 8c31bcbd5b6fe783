// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.glib.service;

import dev.heapwalk.glib.GLibCategories;
import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.natives.block.BlockUses;

/**
 * The lists, hash tables and growing texts of GLib, which have no type: known by their shape, and by what leads to each
 * part of it.
 */
final class Containers {
    // C names GList and GSList.
    private static final long LIST_BYTES = 24;
    private static final long NEXT = 8;
    private static final long PREVIOUS = 16;
    private static final long SINGLE_BYTES = 16;
    /** What is shorter is too like other structures that lead to one of their kind. */
    private static final int SHORTEST_SINGLE = 3;

    // C name GString.
    private static final long LENGTH = 8;
    private static final long ALLOCATED = 16;
    private static final long LEAST_TEXT = 16;

    /** Numbers in the place of pointers ({@code GINT_TO_POINTER}) are lower. */
    private static final long LEAST_POINTER = 1L << 32;

    private static final int ROUNDED = 16;
    private static final int TELL_EACH = 1 << 13;

    private final BlockUses uses;
    private final UsedBlocks blocks;
    private final Reader reader;
    private final Mappings mappings;
    private final HashTables tables;
    /** How many nodes lead to a block as the next one, by its number. */
    private final LongTable led = new LongTable();

    Containers(Mappings mappings, BlockUses uses, Reader reader) {
        this.mappings = mappings;
        this.uses = uses;
        this.blocks = uses.blocks();
        this.reader = reader;
        this.tables = new HashTables(mappings, uses, reader);
    }

    void find(Slices slices, Runnable progress) {
        slices.within(HashTables.LEAST_BYTES, HashTables.MOST_BYTES, address -> tables.take(-1, address));
        slices.within(LIST_BYTES, LIST_BYTES, address -> takeString(-1, address));
        for (int block = 0; block < blocks.count(); block++) {
            if (!uses.has(block)) {
                tables.take(block);
                if (uses.isMadeFor(block, LIST_BYTES)) {
                    takeString(block, blocks.address(block));
                    takeList(block);
                }
            }
            tell(block, progress);
        }
        for (int block = 0; block < blocks.count(); block++) {
            if (isSingle(block)) {
                int next = blocks.startingAt(reader.readLong(blocks.address(block) + NEXT, 0));
                if (next >= 0 && isSingle(next)) {
                    led.add(next, 1);
                }
            }
            tell(block, progress);
        }
        for (int block = 0; block < blocks.count(); block++) {
            if (isSingle(block) && led.get(block, 0) == 0) {
                takeSingle(block);
            }
            tell(block, progress);
        }
    }

    private static void tell(int block, Runnable progress) {
        if ((block & TELL_EACH - 1) == 0) {
            progress.run();
        }
    }

    private void takeString(int block, long address) {
        long text = reader.readLong(address, 0);
        long length = reader.readLong(address + LENGTH, -1);
        long allocated = reader.readLong(address + ALLOCATED, 0);
        if (allocated < LEAST_TEXT || Long.bitCount(allocated) != 1 || length < 0 || length >= allocated) {
            return;
        }
        int content = uses.madeFor(text, allocated);
        if (content >= 0
                && content != block
                && !uses.has(content)
                && reader.readByte(text + length, (byte) 1) == 0
                && (length == 0 || reader.readByte(text + length - 1, (byte) 0) != 0)) {
            uses.give(block, GLibCategories.STRING);
            uses.give(content, GLibCategories.STRING_TEXT);
        }
    }

    /** Takes a list that begins with a block: each node leads back to the one before it, up to a last one. */
    private void takeList(int block) {
        long first = blocks.address(block);
        if (reader.readLong(first + PREVIOUS, -1) != 0) {
            return;
        }
        int length = 1;
        int tight = isTight(block, LIST_BYTES) ? 1 : 0;
        long node = first;
        long next = reader.readLong(node + NEXT, -1);
        while (next != 0) {
            int other = uses.madeFor(next, LIST_BYTES);
            if (other < 0
                    || uses.has(other)
                    || reader.readLong(next + PREVIOUS, 0) != node
                    || length > blocks.count()) {
                return;
            }
            node = next;
            next = reader.readLong(node + NEXT, -1);
            length++;
            tight += isTight(other, LIST_BYTES) ? 1 : 0;
        }
        if (length > 1 && 2 * tight >= length) {
            mark(first, GLibCategories.LIST);
        }
    }

    /** Whether a block has the least room that it may have: an allocator gives more only now and then. */
    private boolean isTight(int block, long bytes) {
        return blocks.size(block) < bytes + ROUNDED;
    }

    private void mark(long first, Category category) {
        for (long node = first; node != 0; node = reader.readLong(node + NEXT, 0)) {
            uses.give(blocks.startingAt(node), category);
        }
    }

    /** Whether a block that nobody knows was made for a node. */
    private boolean isSingle(int block) {
        return uses.isMadeFor(block, SINGLE_BYTES) && !uses.has(block);
    }

    /**
     * Takes a list that begins with a block: no node is led to by two, and all data are of one kind. What has a third
     * pointer in each node is something else.
     */
    private void takeSingle(int block) {
        long node = blocks.address(block);
        boolean pointers = reader.readLong(node, 0) >= LEAST_POINTER;
        boolean thirds = true;
        boolean any = false;
        int length = 0;
        int tight = 0;
        while (node != 0) {
            int at = blocks.startingAt(node);
            long data = reader.readLong(node, -1);
            if (at < 0 || !isSingle(at) || led.get(at, 0) > 1 || !isData(data, pointers) || length > blocks.count()) {
                return;
            }
            any |= data != 0;
            thirds &= isData(reader.readLong(node + PREVIOUS, 0), true);
            length++;
            tight += isTight(at, SINGLE_BYTES) ? 1 : 0;
            node = reader.readLong(node + NEXT, -1);
        }
        if (length >= SHORTEST_SINGLE && 2 * tight >= length && any && !thirds) {
            mark(blocks.address(block), GLibCategories.SLIST);
        }
    }

    private boolean isData(long word, boolean pointer) {
        return pointer ? word >= LEAST_POINTER && mappings.readable(word, 1) : word >= 0 && word < LEAST_POINTER;
    }
}
