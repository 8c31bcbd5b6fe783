// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.allocator.NonzeroWords;
import dev.heapwalk.jemalloc.layout.TreeShape;
import java.util.function.LongConsumer;

/**
 * The radix tree that leads from the number of a page to its extent. C name {@code rtree_t}.
 *
 * @param root target address of the first word of {@code root}
 * @param shape how a page number is divided among its levels
 * @param rootWords how many words of the root lead somewhere
 * @param badWords how many lead nowhere
 */
record PageTree(long root, TreeShape shape, int rootWords, int badWords) {
    /** The part of a leaf's word that is an address; what structures are aligned to is free for flags. */
    private static final long POINTER = 0xffff_ffff_ffc0L;

    /** Is told of each leaf entry that has an extent. */
    interface Entries {
        /**
         * Takes an entry.
         *
         * @param page the number of the page
         * @param edata target address of its extent
         * @param word the first word of the entry
         * @param more the second one of a wide entry
         */
        void entry(long page, long edata, long word, long more);
    }

    /** Is told of what does not lead anywhere. */
    interface Stray {
        void pointer(long at, long value);
    }

    static long edata(TreeShape shape, long word) {
        return shape.wide() ? word & -64L : word & POINTER;
    }

    /** Whether a word may be the first one of a leaf entry: an address, in a compact one with no more than flags. */
    static boolean plausible(TreeShape shape, long word) {
        return shape.wide() ? word > 0 && (word & 63) == 0 : word >>> 56 == 0 && (word & 0x20) == 0;
    }

    /**
     * Goes through all leaves. Each level has a walker of words of its own, since one can't go through two ranges.
     *
     * @param nodes is told where each node and leaf lies
     * @param stray is told of words that lead to none
     */
    void entries(Levels levels, AnonymousMemory anonymous, Entries entries, LongConsumer nodes, Stray stray) {
        levels.root().each(root, root + shape.rootBytes(), (at, child) -> {
            long index = (at - root) / Long.BYTES;
            if ((child & 63) != 0 || !anonymous.holds(child, shape.childBytes())) {
                stray.pointer(at, child);
                return true;
            }
            nodes.accept(child);
            if (shape.nodeBits() == 0) {
                leaf(levels, child, index << shape.leafBits(), entries);
            } else {
                levels.node().each(child, child + shape.nodeBytes(), (inner, leaf) -> {
                    if ((leaf & 63) != 0 || !anonymous.holds(leaf, shape.leafBytes())) {
                        stray.pointer(inner, leaf);
                    } else {
                        nodes.accept(leaf);
                        long key = index << shape.nodeBits() | (inner - child) / Long.BYTES;
                        leaf(levels, leaf, key << shape.leafBits(), entries);
                    }
                    return true;
                });
            }
            return true;
        });
    }

    private void leaf(Levels levels, long leaf, long firstPage, Entries entries) {
        entriesOf(shape, levels.leaf(), leaf, (index, word, more) -> {
            long edata = edata(shape, word);
            if (edata != 0) {
                entries.entry(firstPage + index, edata, word, more);
            }
            return true;
        });
    }

    /** Is told of each entry of a leaf that is not empty. */
    interface LeafEntries {
        /** Returns whether to go on. */
        boolean entry(long index, long word, long more);
    }

    /** Goes through one leaf. */
    static boolean entriesOf(TreeShape shape, NonzeroWords words, long leaf, LeafEntries entries) {
        if (!shape.wide()) {
            return words.each(
                    leaf, leaf + shape.leafBytes(), (at, word) -> entries.entry((at - leaf) / Long.BYTES, word, 0));
        }
        // The first word waits for the second, which is zero for some.
        WideEntries pairs = new WideEntries(leaf, entries);
        return words.each(leaf, leaf + shape.leafBytes(), pairs) && pairs.end();
    }

    /** Puts the two words of each wide entry together. */
    private static final class WideEntries implements NonzeroWords.Visitor {
        private final long leaf;
        private final LeafEntries entries;
        private long index = -1;
        private long first;

        WideEntries(long leaf, LeafEntries entries) {
            this.leaf = leaf;
            this.entries = entries;
        }

        @Override
        public boolean word(long address, long word) {
            long offset = address - leaf;
            boolean second = (offset & 8) != 0;
            if (second && index == offset >> 4) {
                long known = first;
                long at = index;
                index = -1;
                return entries.entry(at, known, word);
            }
            boolean goesOn = end();
            if (!second) {
                index = offset >> 4;
                first = word;
            }
            return goesOn;
        }

        /** Passes on a first word whose second one is zero. */
        boolean end() {
            if (index < 0) {
                return true;
            }
            long at = index;
            index = -1;
            return entries.entry(at, first, 0);
        }
    }
}
