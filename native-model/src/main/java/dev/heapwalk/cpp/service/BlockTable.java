// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.service;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.LayerCursor;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Ranges;
import java.util.Arrays;
import java.util.Optional;

/** The used blocks of all allocators in address order, eight bytes each, with an index by pages. */
final class BlockTable {
    /** An address without its lowest three bits takes 45 bits, and what is left the size in words. */
    private static final int SIZE_BITS = 18;

    private static final long LARGE = (1L << SIZE_BITS) - 1;
    private static final int WORD_SHIFT = 3;
    private static final int PAGE_SHIFT = 10;
    private static final int KEYS_SHIFT = PAGE_SHIFT - WORD_SHIFT + SIZE_BITS;
    /** Blocks that begin farther from each other are in runs of their own, so that no index is made for what lies between. */
    private static final long FAR = 1 << 16;
    /** So many blocks behind the last one are tried before the index is. */
    private static final int NEXT = 4;
    /** What is found of a block takes so much of the JVM's heap, in bytes, with room for what else there is. */
    private static final int TAKES = 40;

    private static final int MOST = 1 << 27;

    private static final int TOLD_AFTER = 1 << 16;

    private long[] blocks = new long[1 << 12];
    private int count;
    private final LongTable large = new LongTable();

    /** Where the runs of blocks begin and end. */
    private Ranges runs = Ranges.NONE;
    /** Of each run the place in {@link #firsts} of its first page. */
    private int[] pages = {};
    /** Of each page the first block that begins in it or behind it. */
    private int[] firsts = {};

    /** The run that was looked into last. */
    private int lastRun;

    private BlockTable() {}

    /** All used blocks; empty if there are so many that the heap of this JVM has no room for what is found of them. */
    static Optional<BlockTable> of(Heaps heaps, Runnable progress) {
        BlockTable table = new BlockTable();
        long most = Math.min(MOST, Runtime.getRuntime().maxMemory() / TAKES);
        try (LayerCursor cursor = heaps.allocators().blocks()) {
            int steps = 0;
            while (cursor.next()) {
                if (cursor.current().state() == BlockState.USED) {
                    if (table.count >= most) {
                        return Optional.empty();
                    }
                    table.add(cursor.current().address(), cursor.current().usableSize());
                }
                if (++steps % TOLD_AFTER == 0) {
                    progress.run();
                }
            }
        }
        table.index();
        return Optional.of(table);
    }

    private void add(long address, long usable) {
        if (address <= 0 || (address & 7) != 0 || address >>> 48 != 0 || usable <= 0) {
            return;
        }
        if (count == blocks.length) {
            blocks = Arrays.copyOf(blocks, count + count / 2);
        }
        long words = usable + 7 >>> WORD_SHIFT;
        if (words >= LARGE) {
            large.put(address, usable);
        }
        blocks[count++] = address >>> WORD_SHIFT << SIZE_BITS | Math.min(words, LARGE);
    }

    private void index() {
        blocks = Arrays.copyOf(blocks, count);
        for (int i = 1; i < count; i++) {
            if (blocks[i] < blocks[i - 1]) {
                Arrays.sort(blocks);
                break;
            }
        }
        long[] starts = new long[count];
        long[] ends = new long[count];
        int[] lengths = new int[count];
        int found = 0;
        for (int i = 0; i < count; i++) {
            if (i == 0 || start(i) - start(i - 1) > FAR) {
                if (found > 0) {
                    ends[found - 1] = Math.min(ends[found - 1], start(i));
                }
                starts[found++] = start(i);
            }
            ends[found - 1] = Math.max(ends[found - 1], start(i) + usable(i));
            // Up to the page of the last block, and one more to tell where that ends.
            lengths[found - 1] = (int) ((start(i) >>> PAGE_SHIFT) - (starts[found - 1] >>> PAGE_SHIFT)) + 2;
        }
        runs = Ranges.exactly(Arrays.copyOf(starts, found), Arrays.copyOf(ends, found));
        pages = new int[found + 1];
        for (int run = 0; run < found; run++) {
            pages[run + 1] = Math.addExact(pages[run], lengths[run]);
        }
        firsts = new int[pages[found]];
        int block = 0;
        for (int run = 0; run < found; run++) {
            long page = starts[run] >>> PAGE_SHIFT;
            for (int i = pages[run]; i < pages[run + 1]; i++, page++) {
                while (block < count && blocks[block] >>> KEYS_SHIFT < page) {
                    block++;
                }
                firsts[i] = block;
            }
        }
    }

    int count() {
        return count;
    }

    /** From the first block to the last, in runs. */
    Ranges runs() {
        return runs;
    }

    long start(int block) {
        return blocks[block] >>> SIZE_BITS << WORD_SHIFT;
    }

    /** How much of a block the program may use, in bytes, rounded up to words. */
    long usable(int block) {
        long words = blocks[block] & LARGE;
        return words == LARGE ? large.get(start(block), LARGE << WORD_SHIFT) : words << WORD_SHIFT;
    }

    /** The block that begins at an address, -1 if none does. */
    int at(long address) {
        int block = upTo(address);
        return block >= 0 && start(block) == address ? block : -1;
    }

    /**
     * The block that an address lies in, for who asks in address order.
     *
     * @param address the address
     * @param last the block that was found before, -1 for none
     * @return the block, -1 if it lies in none
     */
    int holding(long address, int last) {
        int block = -1;
        int end = last < 0 || start(last) > address ? 0 : Math.min(last + NEXT, count - 1);
        for (int next = last; next < end; next++) {
            if (start(next + 1) > address) {
                block = next;
                break;
            }
        }
        block = block < 0 ? upTo(address) : block;
        return block >= 0 && address - start(block) < usable(block) ? block : -1;
    }

    /** The last block that begins at an address or before it, -1 if there is none in its run. */
    int upTo(long address) {
        if (count == 0) {
            return -1;
        }
        int run = lastRun;
        if (address < runs.start(run) || address >= runs.end(run)) {
            run = runs.at(address);
            if (run < 0) {
                return -1;
            }
            lastRun = run;
        }
        long distance = (address >>> PAGE_SHIFT) - (runs.start(run) >>> PAGE_SHIFT);
        int page = pages[run] + (int) Math.min(distance, pages[run + 1] - pages[run] - 2);
        int low = firsts[page];
        int high = firsts[page + 1];
        long key = address >>> WORD_SHIFT << SIZE_BITS | LARGE;
        while (low < high) {
            int middle = low + high >>> 1;
            if (blocks[middle] <= key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low - 1;
    }
}
