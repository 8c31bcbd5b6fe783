// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.allocator.NonzeroWords;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.tcmalloc.layout.MapShape;

/**
 * The radix tree that leads from the number of a page to its span. C name {@code TCMalloc_PageMap2}. A span for small
 * objects has an entry for each of its pages, another one only for its first and its last; what lies between them is
 * left over from spans that were there before.
 *
 * @param root target address of the first word of {@code root_}
 * @param shape how a page number is divided
 * @param rootWords how many words of the root lead to what may be a leaf
 * @param badWords how many do not
 */
record PageMap(long root, MapShape shape, int rootWords, int badWords) {

    /** Is told of each entry. */
    interface Entries {
        /**
         * Takes an entry.
         *
         * @param page the number of the page
         * @param span target address of its span
         */
        void entry(long page, long span);
    }

    /** Is told of where leaves lie. */
    interface Leaves {
        void leaf(long address);
    }

    /** Is told of what does not lead anywhere. */
    interface Stray {
        void pointer(long at, long value);
    }

    static boolean isLeaf(AnonymousMemory anonymous, MapShape shape, long address) {
        return (address & 7) == 0 && anonymous.holds(address, shape.leafBytes());
    }

    /**
     * Goes through all leaves.
     *
     * @param rootWords goes through the words of the root, while the other goes through those of leaves
     */
    void entries(
            NonzeroWords rootWords,
            NonzeroWords leafWords,
            AnonymousMemory anonymous,
            Entries entries,
            Leaves leaves,
            Stray stray) {
        rootWords.each(root, root + shape.rootBytes(), (at, leaf) -> {
            if (!isLeaf(anonymous, shape, leaf)) {
                stray.pointer(at, leaf);
                return true;
            }
            leaves.leaf(leaf);
            long firstPage = (at - root) / Long.BYTES << shape.leafBits();
            leafWords.each(leaf, leaf + shape.leafBytes(), (entry, span) -> {
                entries.entry(firstPage + (entry - leaf) / Long.BYTES, span);
                return true;
            });
            return true;
        });
    }

    /** The span that the map has for a page, 0 if it has none. */
    long entry(Reader reader, AnonymousMemory anonymous, long page) {
        long index = page >>> shape.leafBits();
        if (index >= 1L << shape.rootBits()) {
            return 0;
        }
        long leaf = reader.readLong(root + Long.BYTES * index, 0);
        return isLeaf(anonymous, shape, leaf)
                ? reader.readLong(leaf + Long.BYTES * (page & (1L << shape.leafBits()) - 1), 0)
                : 0;
    }
}
