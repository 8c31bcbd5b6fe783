// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.service;

import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Which blocks the first four words of each block lead to, so that lists and trees are followed without another look at
 * memory.
 */
final class Links implements AutoCloseable {
    static final int WORDS = 4;

    private static final long BLOCK_BYTES = WORDS * Integer.BYTES;

    private final Arena arena = Arena.ofConfined();
    private final int blocks;
    /**
     * Outside the JVM's heap, since it is large: of each block and word the number of the block and 1 more, 0 where the
     * word leads to the beginning of none.
     */
    private final MemorySegment to;

    private int[] found = new int[64];
    private int count;

    Links(int blocks) {
        this.blocks = blocks;
        this.to = arena.allocate(blocks * BLOCK_BYTES, BLOCK_BYTES);
    }

    void set(int from, int word, int block) {
        to.set(Words.INT, from * BLOCK_BYTES + word * Integer.BYTES, block + 1);
    }

    /** The block that a word of a block leads to, -1 if it leads to none. */
    int get(int from, int word) {
        return to.get(Words.INT, from * BLOCK_BYTES + word * Integer.BYTES) - 1;
    }

    /** How many blocks were found last. */
    int count() {
        return count;
    }

    int found(int index) {
        return found[index];
    }

    private void find(int block) {
        if (count == found.length) {
            found = Arrays.copyOf(found, 2 * count);
        }
        found[count++] = block;
    }

    /**
     * Follows one word from block to block.
     *
     * @param first the first block
     * @param most how many there should be
     * @param forward the word that leads on
     * @param backward the word of the next one that leads back, -1 if none does
     * @return whether there are as many; then they are {@link #found}
     */
    boolean chain(int first, long most, int forward, int backward) {
        count = 0;
        if (most > blocks) {
            return false;
        }
        int block = first;
        while (block >= 0 && count < most) {
            find(block);
            int next = get(block, forward);
            if (count < most && backward >= 0 && next >= 0 && get(next, backward) != block) {
                return false;
            }
            block = next;
        }
        return count == most;
    }

    /**
     * Goes through a tree.
     *
     * @param root its root
     * @param most how many blocks there should be
     * @param left the word that leads to one child
     * @param right the word that leads to the other
     * @param parent the word that leads back
     * @return whether there are as many; then they are {@link #found}
     */
    boolean tree(int root, long most, int left, int right, int parent) {
        count = 0;
        find(root);
        for (int i = 0; i < count; i++) {
            int block = found[i];
            if (!child(block, get(block, left), parent) || !child(block, get(block, right), parent) || count > most) {
                return false;
            }
        }
        return count == most;
    }

    private boolean child(int block, int child, int parent) {
        if (child < 0) {
            return true;
        }
        if (get(child, parent) != block) {
            return false;
        }
        find(child);
        return true;
    }

    @Override
    public void close() {
        arena.close();
    }
}
