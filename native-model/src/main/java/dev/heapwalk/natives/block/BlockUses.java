// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.natives.block;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.Window;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The blocks in use of the allocators, and what is known of them so far. The first who gives a block a use decides. */
public final class BlockUses implements Categorizer {
    /** How far a walk may have left blocks out that are here, before it is searched where it goes on. */
    private static final int NEAR = 8;
    /** How much larger than asked for a small block may be, in bytes. */
    private static final int ROUNDED = 16;

    private final UsedBlocks blocks;
    private final char[] uses;
    private final List<Category> categories = new ArrayList<>(List.of(Category.NONE));
    private final Map<Category, Character> numbers = new HashMap<>();
    private int known;
    /** The block that a walk in the order of addresses comes to next. */
    private int next;

    /**
     * Makes one that knows the use of no block.
     *
     * @param blocks the blocks
     */
    BlockUses(UsedBlocks blocks) {
        this.blocks = blocks;
        this.uses = new char[blocks.count()];
    }

    /**
     * All blocks.
     *
     * @return where they lie
     */
    public UsedBlocks blocks() {
        return blocks;
    }

    /**
     * Gives a block a use.
     *
     * @param block the number of a block, or -1 for none
     * @param category the use
     * @return whether the block had none before
     */
    public boolean give(int block, Category category) {
        if (block < 0 || uses[block] != 0) {
            return false;
        }
        Character number = numbers.get(category);
        if (number == null) {
            if (categories.size() == Character.MAX_VALUE) {
                return false;
            }
            number = (char) categories.size();
            categories.add(category);
            numbers.put(category, number);
        }
        uses[block] = number;
        known++;
        return true;
    }

    /**
     * Whether a block has a use.
     *
     * @param block the number of a block
     * @return whether one was given to it
     */
    public boolean has(int block) {
        return uses[block] != 0;
    }

    /**
     * What a block is used for.
     *
     * @param block the number of a block
     * @return its use, {@link Category#NONE} if none was given to it
     */
    public Category of(int block) {
        return categories.get(uses[block]);
    }

    /**
     * Gives the block that begins at an address, if there is room for a structure in it and it was made for little more.
     *
     * @param address any target address
     * @param bytes how large the structure is
     * @return the number of the block, -1 if there is none or it is too small or too large
     */
    public int madeFor(long address, long bytes) {
        int block = blocks.startingAt(address);
        return block >= 0 && isMadeFor(block, bytes) ? block : -1;
    }

    /**
     * Whether a block was asked for with so many bytes: an allocator gives some more.
     *
     * @param block the number of a block
     * @param bytes how many are needed
     * @return whether it has as many, and not many more
     */
    public boolean isMadeFor(int block, long bytes) {
        return isMadeFor(blocks.size(block), bytes);
    }

    /**
     * Whether a block of a size was asked for with so many bytes.
     *
     * @param size how many bytes the block has
     * @param bytes how many are needed
     * @return whether it has as many, and not many more
     */
    public static boolean isMadeFor(long size, long bytes) {
        long left = size - bytes;
        return left >= 0 && left <= ROUNDED + bytes / 4;
    }

    boolean isEmpty() {
        return known == 0;
    }

    @Override
    public Category categorize(BlockView block, Window window) {
        long address = block.address();
        int at = next;
        for (int i = 0; i < NEAR && at < uses.length && blocks.address(at) < address; i++) {
            at++;
        }
        if (at >= uses.length || blocks.address(at) != address) {
            at = blocks.startingAt(address);
            if (at < 0) {
                return Category.NONE;
            }
        }
        next = at + 1;
        return categories.get(uses[at]);
    }

    /**
     * Says how much is known.
     *
     * @return a line for a person
     */
    @Override
    public String toString() {
        return known + " of " + blocks + " known";
    }
}
