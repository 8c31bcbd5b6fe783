// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.service;

import dev.heapwalk.cpp.CppCategories;
import dev.heapwalk.heap.usage.Category;
import java.util.List;

/** What containers say of blocks. */
final class Owned {
    static final Owned NOTHING = new Owned(null, new byte[0]);

    /** From the weakest conclusion to the strongest. */
    private static final List<Category> USES = List.of(
            Category.NONE,
            CppCategories.VECTOR,
            CppCategories.FILE_BUFFER,
            CppCategories.STRING,
            CppCategories.SHARED_STRING,
            CppCategories.DEQUE_BLOCK,
            CppCategories.DEQUE_MAP,
            CppCategories.HASH_BUCKETS,
            CppCategories.HASH_NODE,
            CppCategories.LIST_NODE,
            CppCategories.TREE_NODE);

    /** Set where a vector's buffer can't be one object that three pointers lead to. */
    private static final int BUFFER = 64;

    private static final int USE = BUFFER - 1;

    private final BlockTable blocks;
    private final byte[] uses;
    /** Blocks come in address order mostly. */
    private int last;

    private Owned(BlockTable blocks, byte[] uses) {
        this.blocks = blocks;
        this.uses = uses;
    }

    Owned(BlockTable blocks) {
        this(blocks, new byte[blocks.count()]);
    }

    static boolean isWeak(Category use) {
        return use == CppCategories.VECTOR;
    }

    /** Notes a use, unless a stronger one is known. */
    void mark(int block, Category use) {
        int number = USES.indexOf(use);
        if (number > (uses[block] & USE)) {
            uses[block] = (byte) (uses[block] & BUFFER | number);
        }
    }

    void markBuffer(int block) {
        uses[block] |= BUFFER;
    }

    boolean isMarked(int block) {
        return (uses[block] & USE) != 0;
    }

    private int block(long address) {
        int next = last + 1;
        if (next < uses.length && blocks.start(next) == address) {
            return last = next;
        }
        int found = blocks.at(address);
        if (found >= 0) {
            last = found;
        }
        return found;
    }

    /** What the block is that begins at an address, {@link Category#NONE} if nobody tells. */
    Category use(long address) {
        if (uses.length == 0) {
            return Category.NONE;
        }
        int block = block(address);
        return block < 0 ? Category.NONE : USES.get(uses[block] & USE);
    }

    /** Whether it is a vector's buffer, though it begins as an object. */
    boolean isBuffer(long address) {
        int block = block(address);
        return block >= 0 && (uses[block] & BUFFER) != 0;
    }
}
