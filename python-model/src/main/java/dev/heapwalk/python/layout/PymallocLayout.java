// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

import java.util.List;

/**
 * C names {@code struct arena_object} and {@code struct pool_header}, which are laid out alike in all versions, and
 * {@code struct _obmalloc_state}.
 *
 * @param sizes the sizes that builds of the version have, the usual ones first
 * @param state {@code obmalloc} in the interpreter, or -1 where the allocator's state is static variables
 * @param pointer whether {@code obmalloc} is a pointer to the state, and not the state itself
 * @param debugTail how much lies behind a block that has a head for debugging: bytes that nobody may write to, and up
 *     to 3.7 a number, in bytes
 */
public record PymallocLayout(List<Sizes> sizes, int state, boolean pointer, int debugTail) {
    /**
     * How large the head for debugging is that blocks have with {@code PYTHONMALLOC=debug}: a word with how many bytes
     * were asked for, the highest byte first, and a letter with seven bytes that nobody may write to.
     */
    public static final int DEBUG_HEAD = 16;
    /** Where the letter of the head lies. */
    public static final int DEBUG_LETTER = 8;

    /** {@code mgmt.arenas} in {@code struct _obmalloc_state}. */
    public static final int ARENAS = 512;
    /** {@code mgmt.maxarenas}, 32 bits. */
    public static final int MAX_ARENAS = 520;
    /** How much of the state is read, in bytes. */
    public static final int STATE_BYTES = 528;

    /** The size of an {@code arena_object}, in bytes. */
    public static final int ARENA_BYTES = 48;
    /** {@code address}. */
    public static final int ARENA_ADDRESS = 0;
    /** {@code pool_address}: where the next pool will be carved off. */
    public static final int ARENA_POOL_ADDRESS = 8;
    /** {@code nfreepools}, 32 bits. */
    public static final int ARENA_FREE_POOLS = 16;
    /** {@code ntotalpools}, 32 bits. */
    public static final int ARENA_TOTAL_POOLS = 20;

    /** The size of a {@code pool_header}, in bytes. */
    public static final int POOL_BYTES = 48;
    /** {@code ref.count}, 32 bits. */
    public static final int POOL_COUNT = 0;
    /** {@code freeblock}. */
    public static final int POOL_FREE_BLOCK = 8;
    /** {@code nextpool}: of a pool that is the only one of its size, the same as {@code prevpool}. */
    public static final int POOL_NEXT = 16;
    /** {@code prevpool}. */
    public static final int POOL_PREVIOUS = 24;
    /** {@code arenaindex}, 32 bits. */
    public static final int POOL_ARENA_INDEX = 32;
    /** {@code szidx}, 32 bits. */
    public static final int POOL_SIZE_INDEX = 36;
    /** {@code nextoffset}, 32 bits. */
    public static final int POOL_NEXT_OFFSET = 40;
    /** {@code maxnextoffset}, 32 bits. */
    public static final int POOL_MAX_NEXT_OFFSET = 44;

    /** {@code DUMMY_SIZE_IDX}: the {@code szidx} of a pool that is used for the first time, until it has its own. */
    public static final int NO_SIZE_INDEX = 0xFFFF;

    /** The largest block of a pool, in bytes. */
    public static final int LARGEST_BLOCK = 512;
    /** How many arenas the first array has room for; each larger one has twice as much. */
    public static final int FIRST_ARENAS = 16;
    /** Arenas begin at a page, or where {@code malloc} has a block. */
    public static final int ARENA_ALIGNMENT = 16;

    /** Seven bytes that nobody may write to, and those of earlier releases. */
    private static final long FORBIDDEN = 0xFDFDFDFDFDFDFDL;

    private static final long OLD_FORBIDDEN = 0xFBFBFBFBFBFBFBL;

    /**
     * What a build was made with.
     *
     * @param arena the size of an arena, in bytes
     * @param pool the size of a pool, to which it is aligned, in bytes
     * @param alignment what sizes of blocks are multiples of, in bytes
     */
    public record Sizes(int arena, int pool, int alignment) {
        /** Of no allocator. */
        public static final Sizes NONE = new Sizes(1 << 12, 1 << 12, 16);

        private static final Sizes SMALL = new Sizes(1 << 18, 1 << 12, 16);
        /** Of the first patch levels of a version. */
        private static final Sizes SMALL_8 = new Sizes(1 << 18, 1 << 12, 8);

        private static final Sizes LARGE = new Sizes(1 << 20, 1 << 14, 16);
        /** For huge pages, since 3.15. */
        private static final Sizes HUGE = new Sizes(1 << 21, 1 << 14, 16);
    }

    /**
     * Whether two words are a head for debugging.
     *
     * @param size the first word
     * @param letter the second word, in the order of a processor whose lowest byte is the first
     * @return whether they may be
     */
    public static boolean isDebugHead(long size, long letter) {
        long forbidden = letter >>> Byte.SIZE;
        int api = (int) letter & 0xFF;
        return (forbidden == FORBIDDEN || forbidden == OLD_FORBIDDEN)
                && (api == 'o' || api == 'm' || api == 'r')
                && Long.reverseBytes(size) >= 0;
    }

    static PymallocLayout of(int version) {
        if (version < 308) {
            return new PymallocLayout(List.of(Sizes.SMALL, Sizes.SMALL_8), -1, false, 16);
        }
        if (version < 310) {
            return new PymallocLayout(List.of(Sizes.SMALL), -1, false, 8);
        }
        // Without the radix tree, which is a switch of the build, they are small.
        List<Sizes> sizes =
                version < 315 ? List.of(Sizes.LARGE, Sizes.SMALL) : List.of(Sizes.LARGE, Sizes.HUGE, Sizes.SMALL);
        return switch (version) {
            case 310, 311 -> new PymallocLayout(sizes, -1, false, 8);
            case 312 -> new PymallocLayout(sizes, 3960, false, 8);
            case 313 -> new PymallocLayout(sizes, 10800, true, 8);
            case 314 -> new PymallocLayout(sizes, 10904, true, 8);
            default -> new PymallocLayout(sizes, 10880, true, 8);
        };
    }
}
