// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc.layout;

import java.util.List;

/**
 * Where a range of versions has the fields that differ between them, in builds with pages of one size. What is the same
 * in all stands in the views.
 *
 * @param versions for people, such as {@code 5.3}
 * @param lgPage bits of an address that choose a byte of a page
 * @param state where {@code e_bits} has the extent's state
 * @param szind where it has the index of the size class
 * @param hpa where it tells that its pages are of the allocator of huge pages, before 5.3 no bits
 * @param nfree where it has the number of free regions
 * @param binShard where it has the shard of the bin
 * @param stackHead whether {@code cache_bin_t} has a {@code stack_head} with the low bits of its limits, else a count
 *     and the end of its stack
 * @param wideSzind where the second word of a wide leaf entry has the index of the size class
 * @param wideSlab where it tells that the extent is a slab
 */
public record JemallocLayout(
        String versions,
        int lgPage,
        Field state,
        Field szind,
        Field hpa,
        Field nfree,
        Field binShard,
        boolean stackHead,
        Field wideSzind,
        Field wideSlab) {

    /**
     * Some bits of a word.
     *
     * @param shift the number of the lowest one
     * @param width how many
     */
    public record Field(int shift, int width) {

        /**
         * Takes them out of a word.
         *
         * @param word the word
         * @return their value, not negative
         */
        public int of(long word) {
            return (int) (word >>> shift & (1L << width) - 1);
        }
    }

    /** {@code e_bits}: the number of the arena, the same in all versions. */
    public static final Field ARENA = new Field(0, 12);
    /** {@code e_bits}: whether the extent is a slab, the same in all versions. */
    public static final Field SLAB = new Field(12, 1);
    /** A compact leaf entry: the index of the size class. */
    public static final Field COMPACT_SZIND = new Field(48, 8);
    /** A compact leaf entry: whether the extent is a slab. */
    public static final Field COMPACT_SLAB = new Field(0, 1);

    /** Where {@code extent_t} and {@code edata_t} have the bitmap of a slab. */
    public static final int BITMAP = 64;
    /** The size of {@code cache_bin_t} in bytes. */
    public static final int CACHE_BIN_SIZE = 24;

    /** The size of the smallest region as a power of two. */
    private static final int LG_TINY = 3;

    /**
     * All layouts for pages of one size.
     *
     * @param lgPage bits of an address that choose a byte of a page
     * @return the layouts, the oldest first
     */
    public static List<JemallocLayout> all(int lgPage) {
        // So that it can count all regions of a slab of one page.
        int nfree = lgPage - LG_TINY + 1;
        return List.of(
                new JemallocLayout(
                        "5.1 or 5.2",
                        lgPage,
                        new Field(16, 2),
                        new Field(18, 8),
                        new Field(0, 0),
                        new Field(26, nfree),
                        new Field(26 + nfree, 6),
                        false,
                        new Field(0, 32),
                        new Field(32, 8)),
                new JemallocLayout(
                        "5.3",
                        lgPage,
                        new Field(17, 3),
                        new Field(20, 8),
                        new Field(14, 1),
                        new Field(28, nfree),
                        new Field(28 + nfree, 6),
                        true,
                        new Field(5, 27),
                        new Field(0, 1)));
    }

    /**
     * The last layout for pages of one size, to look at what is the same in all.
     *
     * @param lgPage bits of an address that choose a byte of a page
     * @return the layout
     */
    public static JemallocLayout latest(int lgPage) {
        return all(lgPage).getLast();
    }

    /**
     * How large a page is.
     *
     * @return bytes
     */
    public long page() {
        return 1L << lgPage;
    }

    /**
     * How many regions a slab may have.
     *
     * @return a count, a multiple of 64
     */
    public int mostRegions() {
        return 1 << lgPage - LG_TINY;
    }

    /**
     * The size of the part of {@code extent_t} and {@code edata_t} that is looked at: all but what a bitmap has behind
     * its words of one bit for each region.
     *
     * @return bytes
     */
    public int edataSize() {
        return BITMAP + mostRegions() / Byte.SIZE;
    }

    /**
     * The index of the size class in a leaf entry.
     *
     * @param shape the shape of the tree
     * @param word the entry's first word
     * @param more its second word, if it has one
     * @return the index
     */
    public int leafSzind(TreeShape shape, long word, long more) {
        return shape.wide() ? wideSzind.of(more) : COMPACT_SZIND.of(word);
    }

    /**
     * Whether a leaf entry tells of a slab.
     *
     * @param shape the shape of the tree
     * @param word the entry's first word
     * @param more its second word, if it has one
     * @return 1 if it does
     */
    public int leafSlab(TreeShape shape, long word, long more) {
        return shape.wide() ? wideSlab.of(more) : COMPACT_SLAB.of(word);
    }
}
