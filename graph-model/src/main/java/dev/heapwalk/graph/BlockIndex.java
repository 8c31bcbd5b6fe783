// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.raw.LocalArray;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Finds the block in use that an address lies in, over all heaps of a target, the innermost one: of a slot in a page in
 * a chunk it is the slot. Blocks are numbered in the order of their addresses, as they were in one walk. Any thread may
 * ask; it allocates nothing.
 *
 * <p>A bit stands for each granule of 8 or 16 bytes in which a block begins, beside a count of the blocks before each 64
 * granules: a look-up takes two or three steps whatever the number of blocks. It takes about a thirtieth to a sixtieth
 * of the memory that blocks lie in, which need not be one piece, and 6 bytes for each block.
 *
 * <p>It is closed by who made it. After that there are no blocks.
 */
public final class BlockIndex implements AutoCloseable {
    /** The highest number of a node of a graph, of which a word has no more bits left: it also has the kind. */
    static final int MOST = (1 << 29) - 1;
    /** What {@link #target} answers where there is no block. */
    static final int NONE = -1;

    static final int KIND_SHIFT = 29;

    static final int PIECE_SHIFT = 30;
    /** So many words of granules a section has, which is the least part of memory that is left out where no block is. */
    static final int SECTION_WORDS = 512;
    /** By granules of a section. */
    static final int SECTION_SHIFT = 15;

    private static final int INTERIOR = EdgeKind.INTERIOR.ordinal() << KIND_SHIFT;
    private static final int PAST_END = EdgeKind.PAST_END.ordinal() << KIND_SHIFT;
    private static final int START = EdgeKind.REFERS.ordinal() << KIND_SHIFT;

    private final Tables tables;
    private final boolean ownTables;
    private final Heap[] heaps;
    private final int count;
    private final int unlisted;

    private final long low;
    private final long span;
    private final int granule;
    private final int sectionShift;
    private final int sectionMask;
    /** By the GiB, where the sections of that begin in the next array. */
    private final int[] pieces;
    /** 0: no block; positive: a section; negative: the complement of the number of the block that covers it. */
    private final LocalArray sections;
    /** For each word of granules its bits, and how many blocks are before it. */
    private final LocalArray words;
    // The sections in the order of addresses.
    private final int[] ordered;
    private final long[] orderedStarts;
    private final int[] orderedFirsts;

    private final LocalArray usable;
    private final LocalArray overhead;
    private final LocalArray heapOf;
    private final LongTable longUsable;
    private final LongTable overheads;

    BlockIndex(BlockIndexBuilder made, boolean ownTables) {
        this.tables = made.tables;
        this.ownTables = ownTables;
        this.heaps = made.heaps.toArray(Heap[]::new);
        this.count = made.count;
        this.unlisted = made.unlisted;
        this.low = made.low;
        this.span = made.span;
        this.granule = made.granule;
        this.sectionShift = made.granule + SECTION_SHIFT;
        this.sectionMask = (1 << PIECE_SHIFT - sectionShift) - 1;
        this.pieces = made.pieces;
        this.sections = made.sections;
        this.words = made.words;
        this.ordered = made.ordered;
        this.orderedStarts = made.orderedStarts;
        this.orderedFirsts = made.orderedFirsts;
        this.usable = made.usable;
        this.overhead = made.overhead;
        this.heapOf = made.heapOf;
        this.longUsable = made.longUsable;
        this.overheads = made.overheads;
    }

    /**
     * Walks all blocks of a target.
     *
     * @param heaps the heaps
     * @param options what it may take
     * @return the index
     * @throws UnsupportedTargetException if there is no heap, or there are more than 536,870,911 blocks in use
     */
    public static BlockIndex of(Heaps heaps, GraphOptions options) {
        Tables tables = new Tables(options);
        try {
            return of(heaps, tables, true, () -> {});
        } catch (RuntimeException | Error e) {
            tables.close();
            throw e;
        }
    }

    static BlockIndex of(Heaps heaps, Tables tables, boolean ownTables, Runnable progress) {
        try (BlockIndexBuilder builder = new BlockIndexBuilder(tables)) {
            builder.walk(heaps, progress);
            return builder.build(ownTables);
        }
    }

    /**
     * How many blocks there are.
     *
     * @return a count
     */
    public int count() {
        return count;
    }

    /**
     * How many blocks in use of the walk are not here, since another one begins within the same granule, or at an
     * address that no program has: by damage, or torn.
     *
     * @return a count
     */
    public int unlisted() {
        return unlisted;
    }

    /**
     * Finds the block that an address lies in.
     *
     * @param address any target address
     * @return the number of the block, -1 if it lies in none
     */
    public int at(long address) {
        int found = target(address);
        return found == NONE || found >>> KIND_SHIFT == EdgeKind.PAST_END.ordinal() ? -1 : found & MOST;
    }

    /**
     * Finds the block that begins at an address.
     *
     * @param address any target address
     * @return the number of the block, -1 if none begins there
     */
    public int startingAt(long address) {
        int found = target(address);
        return found != NONE && found >>> KIND_SHIFT == EdgeKind.REFERS.ordinal() ? found & MOST : -1;
    }

    /**
     * Finds the block whose last usable byte is right before an address, where no other block begins.
     *
     * @param address any target address
     * @return the number of the block, -1 if there is none
     */
    public int endingAt(long address) {
        int found = target(address);
        return found != NONE && found >>> KIND_SHIFT == EdgeKind.PAST_END.ordinal() ? found & MOST : -1;
    }

    /** What a word points to: a block and, above {@link #KIND_SHIFT}, in which way; {@link #NONE} if to no block. */
    int target(long word) {
        if (word - low + Long.MIN_VALUE >= span + Long.MIN_VALUE) {
            return NONE;
        }
        int section = sections.intAt(pieces[(int) ((word >>> PIECE_SHIFT) - (low >>> PIECE_SHIFT))]
                + ((int) (word >>> sectionShift) & sectionMask));
        if (section <= 0) {
            return section == 0 ? NONE : within(word, ~section);
        }
        long place = (long) section * SECTION_WORDS + (word >>> granule + 6 & SECTION_WORDS - 1) << 1;
        // The bits up to that of the word's granule, which is the highest one then.
        long bits = words.longAt(place) << ~(word >>> granule);
        int number = (int) words.longAt(place + 1) + Long.bitCount(bits) - 1;
        if (bits < 0 && (word & (1L << granule) - 1) == 0) {
            return START | number;
        }
        if (bits == 0) {
            return number < 0 ? NONE : within(word, number);
        }
        long start = (word >>> granule) - Long.numberOfLeadingZeros(bits) << granule;
        return within(word - start, usable(number), number);
    }

    private int within(long word, int number) {
        return within(word - address(number), usable(number), number);
    }

    private static int within(long offset, long size, int number) {
        return offset < size ? INTERIOR | number : offset == size ? PAST_END | number : NONE;
    }

    /**
     * Where a block begins.
     *
     * @param number the number of a block, from 0 on in the order of addresses
     * @return a target address, as {@link dev.heapwalk.heap.BlockView#address()} has it
     */
    public long address(int number) {
        Objects.checkIndex(number, count);
        int from = 0;
        int to = ordered.length - 1;
        while (from < to) {
            int middle = from + to + 1 >>> 1;
            if (orderedFirsts[middle] <= number) {
                from = middle;
            } else {
                to = middle - 1;
            }
        }
        long base = (long) ordered[from] * SECTION_WORDS;
        int word = 0;
        for (int step = SECTION_WORDS / 2; step > 0; step >>= 1) {
            if ((int) words.longAt(base + word + step << 1 | 1) <= number) {
                word += step;
            }
        }
        long bits = words.longAt(base + word << 1);
        int before = number - (int) words.longAt(base + word << 1 | 1);
        int bit = Long.numberOfTrailingZeros(Long.expand(1L << before, bits));
        return orderedStarts[from] + ((long) word << 6 | bit) * (1L << granule);
    }

    /**
     * How many bytes of a block the program may use.
     *
     * @param number the number of a block
     * @return bytes, as {@link dev.heapwalk.heap.BlockView#usableSize()} has them, but not beyond the beginning of the
     *     next block
     */
    public long usable(int number) {
        int size = usable.intAt(number);
        return size >= 0 ? size : longUsable.get(number, 0);
    }

    /**
     * How large a block is with what the allocator needs itself.
     *
     * @param number the number of a block
     * @return bytes, as {@link dev.heapwalk.heap.BlockView#size()} has them
     */
    public long size(int number) {
        int more = overhead.byteAt(number);
        return usable(number) + (more >= 0 ? more : overheads.get(number, 0));
    }

    /**
     * The heap that a block belongs to.
     *
     * @param number the number of a block
     * @return the heap
     */
    public Heap heap(int number) {
        return heaps[heapNumber(number)];
    }

    int heapNumber(int number) {
        return heapOf.byteAt(number) & 0x7f;
    }

    /** Whether a block is its heap's own, as the head of a page is. */
    boolean reserved(int number) {
        return heapOf.byteAt(number) < 0;
    }

    /** The heaps whose blocks are here, in the order of their numbers. */
    List<Heap> heaps() {
        return List.of(heaps);
    }

    /** What a walk over all blocks goes through. */
    Ranges course() {
        long[] ends = new long[orderedStarts.length];
        for (int i = 0; i < ends.length; i++) {
            ends[i] = orderedStarts[i] + (1L << sectionShift);
        }
        return Ranges.of(orderedStarts, ends);
    }

    /** Where all blocks lie: from this address on. */
    long low() {
        return low;
    }

    /** How many bytes behind {@link #low()} may be pointed to. */
    long span() {
        return span;
    }

    Tables tables() {
        return tables;
    }

    /** Goes through blocks in the order of their numbers, faster than by {@link #address}. For one thread. */
    final class Walk {
        private final int end;
        private int number;
        private int position;
        private int word = -1;
        private long base;
        private long bits;
        private long address;

        /** Before the first of some blocks. */
        Walk(int from, int to) {
            number = from - 1;
            end = to;
            if (from < to) {
                long start = BlockIndex.this.address(from);
                int at = Arrays.binarySearch(orderedStarts, start);
                position = at >= 0 ? at : -at - 2;
                word = (int) (start - orderedStarts[position] >>> granule + 6);
                base = (long) ordered[position] * SECTION_WORDS;
                bits = words.longAt(base + word << 1) & -1L << (start >>> granule);
            }
        }

        boolean next() {
            if (++number >= end) {
                return false;
            }
            while (bits == 0) {
                if (++word == SECTION_WORDS) {
                    word = 0;
                    position++;
                    base = (long) ordered[position] * SECTION_WORDS;
                }
                bits = words.longAt(base + word << 1);
            }
            address = orderedStarts[position] + ((long) word << 6 | Long.numberOfTrailingZeros(bits)) * (1L << granule);
            bits &= bits - 1;
            return true;
        }

        int number() {
            return number;
        }

        long address() {
            return address;
        }
    }

    /** Frees its tables. A second call does nothing. */
    @Override
    public void close() {
        if (ownTables) {
            tables.close();
        }
    }

    /**
     * Says how many blocks there are.
     *
     * @return a line for a person
     */
    @Override
    public String toString() {
        return "index of " + count + " blocks";
    }
}
