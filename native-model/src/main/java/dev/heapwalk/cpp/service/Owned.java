// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.service;

import dev.heapwalk.cpp.CppCategories;
import dev.heapwalk.heap.usage.Category;

/** What containers say of blocks. */
final class Owned {
    static final Owned NOTHING = new Owned(null, new byte[0]);
    /** Where there are too many blocks to look at them. */
    static final Owned LEFT_OUT = new Owned(null, new byte[0]);

    // What a block is, from the weakest conclusion to the strongest.
    static final int VECTOR = 1;
    static final int FILE_BUFFER = 2;
    static final int STRING = 3;
    static final int SHARED_STRING = 4;
    static final int DEQUE_BLOCK = 5;
    static final int DEQUE_MAP = 6;
    static final int HASH_BUCKETS = 7;
    static final int HASH_NODE = 8;
    static final int LIST_NODE = 9;
    static final int TREE_NODE = 10;

    private static final Category[] USES = {
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
        CppCategories.TREE_NODE
    };

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

    boolean leftOut() {
        return this == LEFT_OUT;
    }

    static boolean isWeak(Category use) {
        return use == CppCategories.VECTOR;
    }

    /** Notes a use, unless a stronger one is known. */
    void mark(int block, int use) {
        if (use > (uses[block] & USE)) {
            uses[block] = (byte) (uses[block] & BUFFER | use);
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
        return block < 0 ? Category.NONE : USES[uses[block] & USE];
    }

    /** Whether it is a vector's buffer, though it begins as an object. */
    boolean isBuffer(long address) {
        int block = block(address);
        return block >= 0 && (uses[block] & BUFFER) != 0;
    }
}
