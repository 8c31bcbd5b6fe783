// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc.layout;

import java.util.List;

/**
 * How a build has divided the number of a page among the levels of its radix tree. It depends on how many address bits
 * the machine had on which it was built, and on the size of a page, which need not be the machine's: builds for aarch64
 * have pages of 64 KiB, so that they run on every kernel.
 *
 * @param label for people
 * @param lgPage bits of an address that choose a byte of a page
 * @param rootBits bits of a page number that choose a word of the root
 * @param nodeBits bits that choose a word of an inner node, 0 if there is no such level
 * @param leafBits bits that choose an entry of a leaf
 * @param wide whether a leaf entry has two words, a pointer and what a compact one has in the pointer's spare bits
 */
public record TreeShape(String label, int lgPage, int rootBits, int nodeBits, int leafBits, boolean wide) {

    /** All shapes for pages of 4 KiB. */
    private static final List<TreeShape> USUAL = List.of(
            new TreeShape("48 bits in two levels", 12, 18, 0, 18, false),
            new TreeShape("57 bits in three levels", 12, 15, 15, 15, true));

    /** Those for larger pages. */
    private static final List<TreeShape> OTHERS = List.of(
            new TreeShape("48 bits in two levels, pages of 64 KiB", 16, 16, 0, 16, false),
            new TreeShape("48 bits in two levels, pages of 16 KiB", 14, 17, 0, 17, false));

    /** All shapes, by the sizes of pages: none of a group is to be looked for if there is one of the group before. */
    public static final List<List<TreeShape>> GROUPS = List.of(USUAL, OTHERS);

    /**
     * How large a page is.
     *
     * @return bytes
     */
    public long page() {
        return 1L << lgPage;
    }

    /**
     * How large the root is.
     *
     * @return bytes
     */
    public long rootBytes() {
        return 8L << rootBits;
    }

    /**
     * How large an inner node is.
     *
     * @return bytes
     */
    public long nodeBytes() {
        return 8L << nodeBits;
    }

    /**
     * How large a leaf entry is.
     *
     * @return bytes
     */
    public int entryBytes() {
        return wide ? 16 : 8;
    }

    /**
     * How large a leaf is.
     *
     * @return bytes
     */
    public long leafBytes() {
        return (long) entryBytes() << leafBits;
    }

    /**
     * How large what a word of the root points to is.
     *
     * @return bytes
     */
    public long childBytes() {
        return nodeBits == 0 ? leafBytes() : nodeBytes();
    }
}
