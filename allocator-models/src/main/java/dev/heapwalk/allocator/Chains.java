// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Follows chains of blocks, each of which begins with the address of the next one. They lie anywhere, so to read one
 * after the other takes a call of the kernel for each. Here many chains are followed side by side, and one call reads
 * a page of each.
 */
public final class Chains {
    /** So many are followed at a time. */
    private static final int ABREAST = 1 << 10;

    /** So many pages are kept, a power of two, and at least as many as are read at a time. */
    private static final int PAGES = 2 * ABREAST;

    private static final int PLACES = 4 * PAGES;
    private static final int PAGE_SHIFT = 12;

    private static final int FIRST_LENGTH = 1 << 8;
    private static final long NOTHING = -1;

    private final AddressSpace memory;
    /** The block that comes next, or what stands in its place. */
    private long[] nexts = new long[FIRST_LENGTH];

    private long[] tails = new long[FIRST_LENGTH];
    private int[] mosts = new int[FIRST_LENGTH];
    private int[] counts = new int[FIRST_LENGTH];
    private int size;

    /** Is told of each block. */
    @FunctionalInterface
    public interface Blocks {
        /**
         * Takes a block.
         *
         * @param chain the number of the chain
         * @param address where it leads to
         * @return whether there can be a block of it, and the chain is to be followed on
         */
        boolean take(int chain, long address);
    }

    /**
     * Has none yet.
     *
     * @param memory where they lie
     */
    public Chains(AddressSpace memory) {
        this.memory = memory;
    }

    /**
     * Adds one.
     *
     * @param head target address of its first block
     * @param tail that of its last one, 0 if that is not known
     * @param most how many blocks it has, if it is sound
     */
    public void add(long head, long tail, int most) {
        if (size == nexts.length) {
            nexts = Arrays.copyOf(nexts, 2 * size);
            tails = Arrays.copyOf(tails, 2 * size);
            mosts = Arrays.copyOf(mosts, 2 * size);
            counts = Arrays.copyOf(counts, 2 * size);
        }
        nexts[size] = head;
        tails[size] = tail;
        mosts[size] = most;
        size++;
    }

    /**
     * Follows all of them.
     *
     * @param blocks is told of each block
     */
    public void follow(Blocks blocks) {
        try (Arena arena = Arena.ofConfined()) {
            Pages pages = new Pages(arena);
            int[] open = new int[ABREAST];
            int begun = 0;
            int count = 0;
            do {
                int last = 0;
                for (int i = 0; i < count; i++) {
                    if (goOn(open[i], pages, blocks)) {
                        open[last++] = open[i];
                    }
                }
                count = last;
                while (count < ABREAST && begun < size) {
                    if (mosts[begun] > 0 && blocks.take(begun, nexts[begun])) {
                        open[count++] = begun;
                        pages.want(nexts[begun]);
                    }
                    begun++;
                }
                pages.read();
            } while (count > 0 || begun < size);
        }
    }

    /** Follows a chain as far as pages are there, and wants the next one. Returns false where the chain ends. */
    private boolean goOn(int chain, Pages pages, Blocks blocks) {
        long at = nexts[chain];
        while (pages.has(at)) {
            counts[chain]++;
            long next = pages.word(at);
            nexts[chain] = next;
            if (at == tails[chain] || counts[chain] >= mosts[chain] || !blocks.take(chain, next)) {
                return false;
            }
            at = next;
        }
        pages.want(at);
        return true;
    }

    /** The pages that were read last, one behind the other, the oldest of which make room for more. */
    private final class Pages {
        private final MemorySegment bytes;
        /** How many bytes of each could be read. */
        private final long[] lengths = new long[PAGES];

        /** Where a page was put last, by a part of its address: the place says how many were put before. */
        private final long[] places = new long[PLACES];

        private final long[] pageAt = new long[PLACES];
        private final long[] wanted = new long[PAGES];
        private final long[] wantedLengths = new long[PAGES];
        private final long[] got = new long[PAGES];
        private long count;
        private long read;

        Pages(Arena arena) {
            bytes = arena.allocate((long) PAGES << PAGE_SHIFT, Long.BYTES);
            Arrays.fill(places, NOTHING);
            Arrays.fill(pageAt, NOTHING);
            Arrays.fill(wantedLengths, 1L << PAGE_SHIFT);
        }

        private int place(long address) {
            return (int) (address >>> PAGE_SHIFT) & PLACES - 1;
        }

        boolean has(long address) {
            int place = place(address);
            return pageAt[place] == address >>> PAGE_SHIFT && places[place] < read && places[place] >= count - PAGES;
        }

        /** The word at an address of which it has the page, {@link #NOTHING} if it can't be read. */
        long word(long address) {
            int index = (int) places[place(address)] & PAGES - 1;
            long offset = address & (1L << PAGE_SHIFT) - 1;
            return offset + Long.BYTES <= lengths[index]
                    ? bytes.get(Words.LONG, ((long) index << PAGE_SHIFT) + offset)
                    : NOTHING;
        }

        /**
         * Wants the page of an address to be read next. Where another one is wanted in its place, that comes first: what
         * the first of all chains wants is always read, so there is an end.
         */
        void want(long address) {
            int place = place(address);
            if (places[place] >= read) {
                return;
            }
            pageAt[place] = address >>> PAGE_SHIFT;
            places[place] = count;
            wanted[(int) (count - read)] = address & -1L << PAGE_SHIFT;
            count++;
        }

        /** Reads what was wanted. */
        void read() {
            int more = (int) (count - read);
            int first = (int) read & PAGES - 1;
            int before = Math.min(more, PAGES - first);
            read(first, before);
            if (more > before) {
                System.arraycopy(wanted, before, wanted, 0, more - before);
                read(0, more - before);
            }
            read = count;
        }

        private void read(int index, int some) {
            long from = (long) index << PAGE_SHIFT;
            memory.readRanges(wanted, wantedLengths, some, bytes.asSlice(from, (long) some << PAGE_SHIFT), got);
            System.arraycopy(got, 0, lengths, index, some);
        }
    }

    /**
     * How many blocks of a chain were taken.
     *
     * @param chain its number: that of the first one that was added is 0
     * @return a count
     */
    public int count(int chain) {
        return counts[chain];
    }

    /**
     * What follows the last block that was taken.
     *
     * @param chain its number
     * @return the first word of that block, -1 if it can't be read; the head if no block was taken
     */
    public long behind(int chain) {
        return nexts[chain];
    }
}
