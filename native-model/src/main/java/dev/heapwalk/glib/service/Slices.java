// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.glib.service;

import dev.heapwalk.glib.GLibCategories;
import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.natives.block.BlockUses;

/**
 * The pages that GLib before 2.76 cuts into slices of one size. Its allocator is found by how it begins, and has a ring
 * of pages for each size; each page tells of itself at its end.
 */
final class Slices {
    // C name Allocator, a variable.
    private static final long LARGEST_PAGE = 8;
    private static final long WORKING_SET = 32;
    private static final long COLOR = 40;
    private static final long STACK = 104;
    private static final long ALLOCATOR_BYTES = 120;

    private static final int LEAST_PAGE_BYTES = 128;
    private static final int WORKING_SET_DEFAULT = 15_000;
    private static final int LARGEST_PAGE_BYTES = 8192;

    // C name SlabInfo.
    private static final long ALLOCATED = 8;
    private static final long NEXT = 16;
    private static final long PREVIOUS = 24;
    private static final long INFO_BYTES = 48;

    private static final int UNIT = 16;
    private static final int SLICES_OF_PAGE = 8;

    /** What is done with each place where a slice may begin. */
    @FunctionalInterface
    interface Visitor {
        void visit(long address);
    }

    /** Says what lies in most slices of a page. */
    @FunctionalInterface
    interface Namer {
        /** The name of a type, or empty. */
        String mostly(long start, long end, long bytes);
    }

    private final BlockUses uses;
    private final UsedBlocks blocks;
    private final Reader reader;
    /** The numbers of the blocks that are pages, and the sizes of their slices. */
    private final LongTable pages = new LongTable();

    Slices(BlockUses uses, Reader reader) {
        this.uses = uses;
        this.blocks = uses.blocks();
        this.reader = reader;
    }

    void find(Target target, ElfModule glib) {
        long page = target.memory().pageSize();
        for (Range range : glib.writableSegments()) {
            for (long at = range.start() + 7 & -8; at + ALLOCATOR_BYTES <= range.end(); at += Long.BYTES) {
                if (reader.readLong(at, 0) == LEAST_PAGE_BYTES && isAllocator(at, page)) {
                    take(at);
                    return;
                }
            }
        }
    }

    /** Gives the pages their uses. */
    void give(Namer namer) {
        pages.forEach((page, bytes) -> {
            long start = blocks.address((int) page);
            String type = namer.mostly(start, start + blocks.size((int) page), bytes);
            uses.give((int) page, GLibCategories.slices(bytes, type));
        });
    }

    /** Goes through all slices for a structure, used or not. */
    void within(long least, long most, Visitor visitor) {
        pages.forEach((page, bytes) -> {
            if (bytes >= least && bytes < most + UNIT) {
                long end = blocks.address((int) page) + blocks.size((int) page) - bytes;
                for (long at = blocks.address((int) page); at <= end; at += UNIT) {
                    visitor.visit(at);
                }
            }
        });
    }

    private boolean isAllocator(long at, long page) {
        return reader.readLong(at + LARGEST_PAGE, 0) == Math.max(page, LARGEST_PAGE_BYTES)
                && reader.readLong(at + WORKING_SET, 0) == WORKING_SET_DEFAULT
                && reader.readInt(at + COLOR, 0) == 1;
    }

    private void take(long allocator) {
        long largest = (reader.readLong(allocator + LARGEST_PAGE, 0) - INFO_BYTES) / SLICES_OF_PAGE;
        long stack = reader.readLong(allocator + STACK, 0);
        for (long index = 0; index < largest / UNIT; index++) {
            takeRing(reader.readLong(stack + index * Long.BYTES, 0), (index + 1) * UNIT);
        }
    }

    private void takeRing(long first, long bytes) {
        long info = first;
        for (int i = 0; info != 0 && i < blocks.count(); i++) {
            int page = blocks.at(info);
            long next = reader.readLong(info + NEXT, 0);
            int allocated = reader.readInt(info + ALLOCATED, 0);
            if (page < 0
                    || reader.readLong(next + PREVIOUS, 0) != info
                    || allocated <= 0
                    || allocated * bytes > blocks.size(page)) {
                return;
            }
            pages.put(page, bytes);
            info = next == first ? 0 : next;
        }
    }
}
