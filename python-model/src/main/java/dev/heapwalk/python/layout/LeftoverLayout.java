// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * What lies in blocks that no object owns: C names {@code block} of the parser's {@code PyArena}, {@code _intblock} and
 * {@code _floatblock} of 2.7, {@code arena_map_mid_t} and {@code arena_map_bot_t}, {@code _Py_hashtable_t}, and objects
 * that are kept for later use.
 */
public final class LeftoverLayout {
    /** How much of a block is looked at, in bytes. */
    public static final int LOOKED_AT = 1 << 10;

    /** {@code ab_size} of a block of the parser. */
    public static final int PARSER_SIZE = 0;
    /** {@code ab_offset}: how much of it is used. */
    public static final int PARSER_OFFSET = 8;
    /** {@code ab_mem}: where its memory begins, which is behind its head. */
    public static final int PARSER_MEMORY = 24;
    /** The size of that head, in bytes. */
    public static final int PARSER_HEAD = 32;

    /** Where the first number lies in a block of numbers of 2.7, behind a link to the next block. */
    public static final int FIRST_NUMBER = 8;
    /** How far numbers lie from each other, in bytes. */
    public static final int NUMBER_BYTES = 24;
    /** How many there are. */
    public static final int NUMBERS = 41;
    /** The size of such a block, in bytes. */
    public static final int NUMBERS_BYTES = FIRST_NUMBER + NUMBERS * NUMBER_BYTES;

    /** The sizes of the inner nodes of the map that tells whether an address lies in an arena, in bytes. */
    private static final int MIDDLE = 1 << 18;

    private static final int BOTTOM = 1 << 17;
    /** How much larger than that a block may be, in bytes. */
    private static final int PAGE = 1 << 12;
    /** One word of so many is filled in a node at most. */
    public static final int MAP_SPARSE = 8;

    /** How many entries a {@code _Py_hashtable_t} has, and how many buckets, in an order that depends on the version. */
    public static final int TABLE_FIRST = 0;
    /** The other of the two numbers. */
    public static final int TABLE_SECOND = 8;
    /** {@code buckets}: an array of the first entry of each, which begins with the next. */
    public static final int TABLE_BUCKETS = 16;
    /** How much of it is looked at, in bytes. */
    public static final int TABLE_BYTES = 48;
    /** It has so many buckets at least, */
    public static final int LEAST_BUCKETS = 16;
    /** and so many at most. */
    public static final int MOST_BUCKETS = 1 << 26;

    /** {@code PyTuple_MAXSAVESIZE}: how many items a tuple has at most that is kept for later use. */
    public static final int LONGEST_TUPLE = 20;
    /** How much of a tuple is looked at to see whether it is one, with what a build without the lock has before it. */
    public static final int TUPLE_HEAD = ObjectLayout.FREE_THREADED_SHIFT + ObjectLayout.SIZE + Long.BYTES;

    /** What an allocator gives more, at the least of sizes. */
    private static final int ROUNDED = 32;
    /** And of each size, its part of so many: blocks that shrink by a quarter stay where they are. */
    private static final int SHRUNK = 3;

    private LeftoverLayout() {}

    /**
     * How large a block is at most that was made for an object.
     *
     * @param size the size of the object, in bytes
     * @return a usable size, in bytes
     */
    public static long most(long size) {
        return size + size / SHRUNK + ROUNDED;
    }

    /**
     * Whether a block is as large as one of numbers. The allocator may have given as much more as makes no block.
     *
     * @param usable the usable size of a block, in bytes
     * @return whether it is
     */
    public static boolean mayHaveNumbers(long usable) {
        return usable >= NUMBERS_BYTES && usable <= NUMBERS_BYTES + NUMBER_BYTES;
    }

    /**
     * Whether a block is as large as an inner node of that map.
     *
     * @param usable the usable size of a block, in bytes
     * @return whether it is
     */
    public static boolean isMap(long usable) {
        return usable >= MIDDLE && usable < MIDDLE + PAGE || usable >= BOTTOM && usable < BOTTOM + PAGE;
    }
}
