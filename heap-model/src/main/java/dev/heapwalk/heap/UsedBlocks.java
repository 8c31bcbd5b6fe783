// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

import java.util.Arrays;
import java.util.function.Predicate;

/**
 * Where the blocks in use of all allocators lie, as they were in one walk: for who follows pointers from block to block.
 * It takes 16 bytes for a block.
 */
public final class UsedBlocks {
    private long[] addresses = new long[1 << 10];
    private long[] sizes = new long[1 << 10];
    private int count;
    private boolean cut;

    private UsedBlocks() {}

    /**
     * Walks all allocators' heaps.
     *
     * @param heaps the heaps of the target
     * @param wanted which blocks are taken, asked about each block in use
     * @param most how many blocks are taken at most; the others are left out
     * @return the blocks
     */
    public static UsedBlocks of(Heaps heaps, Predicate<? super BlockView> wanted, int most) {
        UsedBlocks blocks = new UsedBlocks();
        boolean sorted = true;
        for (Heap heap : heaps.allocators().findAll(Heap.class)) {
            try (BlockCursor block = heap.blocks()) {
                while (!blocks.cut && block.next()) {
                    if (block.state() == BlockState.USED && wanted.test(block)) {
                        if (blocks.count == most) {
                            blocks.cut = true;
                            break;
                        }
                        sorted &= blocks.count == 0 || blocks.addresses[blocks.count - 1] < block.address();
                        blocks.add(block.address(), block.usableSize());
                    }
                }
            }
        }
        if (!sorted) {
            blocks.sort();
        }
        return blocks;
    }

    private void add(long address, long size) {
        if (count == addresses.length) {
            addresses = Arrays.copyOf(addresses, 2 * count);
            sizes = Arrays.copyOf(sizes, 2 * count);
        }
        addresses[count] = address;
        sizes[count++] = size;
    }

    /** Runs of blocks are sorted in themselves, and few. */
    private void sort() {
        Integer[] order = new Integer[count];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (one, other) -> Long.compare(addresses[one], addresses[other]));
        long[] byAddress = new long[count];
        long[] ofThese = new long[count];
        for (int i = 0; i < count; i++) {
            byAddress[i] = addresses[order[i]];
            ofThese[i] = sizes[order[i]];
        }
        addresses = byAddress;
        sizes = ofThese;
    }

    /**
     * Finds the block that an address lies in.
     *
     * @param address any target address
     * @return the number of the block, -1 if it lies in none
     */
    public int at(long address) {
        int found = Arrays.binarySearch(addresses, 0, count, address);
        int index = found >= 0 ? found : -found - 2;
        return index >= 0 && address < addresses[index] + sizes[index] ? index : -1;
    }

    /**
     * Finds the block that begins at an address.
     *
     * @param address any target address
     * @return the number of the block, -1 if none begins there
     */
    public int startingAt(long address) {
        int found = Arrays.binarySearch(addresses, 0, count, address);
        return found >= 0 ? found : -1;
    }

    /**
     * How many blocks there are.
     *
     * @return a count
     */
    public int count() {
        return count;
    }

    /**
     * Whether there were more than were to be taken.
     *
     * @return whether some are left out
     */
    public boolean cut() {
        return cut;
    }

    /**
     * Where a block begins.
     *
     * @param number the number of a block, from 0 on in the order of addresses
     * @return a target address, as {@link BlockView#address()} has it
     */
    public long address(int number) {
        return addresses[number];
    }

    /**
     * How large a block is.
     *
     * @param number the number of a block
     * @return bytes, as {@link BlockView#usableSize()} has them
     */
    public long size(int number) {
        return sizes[number];
    }

    /**
     * Says how many blocks there are.
     *
     * @return a line for a person
     */
    @Override
    public String toString() {
        return count + " used blocks";
    }
}
