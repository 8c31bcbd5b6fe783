// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;

/**
 * Finds where runs of the main arena's chunks begin in memory that is not theirs alone: behind a foreign {@code sbrk},
 * or in mappings that malloc made where {@code brk} failed. A run is a chain of sound chunks that ends in top or in a
 * pair of fenceposts; nothing else in memory looks like that. Where a chain breaks that is long enough to be one, it
 * may be damaged, and goes on where {@link ChainSearch} says.
 */
final class RunSearch implements AutoCloseable {
    /** So many headers one search may look at. */
    private static final long BUDGET = 1L << 26;

    /** So many chunks before damage are part of a run wherever they lie, */
    private static final int FEW = 16;
    /** and so few if the damage is not large; one where a mapping may begin. */
    private static final int LEAST = 4;

    private static final long SMALL = 1 << 16;

    private final AddressSpace memory;
    private final ChainSearch chains;
    private long known;
    private Window near;
    private Window window;
    private long budget;
    private long chainEnd;
    private long[] foreignTops = {};

    RunSearch(AddressSpace memory) {
        this.memory = memory;
        this.chains = new ChainSearch(memory);
    }

    /** Says where a run is known to begin, however damaged; 0 for nowhere. */
    void begins(long start) {
        known = start + 15 & ~15L;
    }

    /**
     * The first place in a range where a run begins.
     *
     * @param from target address of the first candidate
     * @param to target address that no run reaches beyond
     * @param top target address of the top chunk, which ends a run
     * @param step distance between candidates, in bytes
     * @return target address of the first chunk, or -1
     */
    long next(long from, long to, long top, long step) {
        budget = BUDGET;
        for (long candidate = from + 15 & ~15L; candidate < to - MallocChunk.MIN_SIZE; candidate += step) {
            if (isRun(candidate, to, top)) {
                return candidate;
            }
            if (--budget < 0) {
                return -1;
            }
        }
        return -1;
    }

    /**
     * Whether a run begins at an address; {@link #end()} then tells where it ends.
     *
     * @param start target address of its first chunk
     * @param to target address that it may not reach beyond
     * @param top target address of the top chunk
     * @return whether it does
     */
    boolean isRun(long start, long to, long top) {
        if (window == null) {
            near = memory.window();
            window = memory.window();
        }
        long p = start;
        // A window of its own, so that chains that lead far away don't move it.
        long word = sizeWord(near, p);
        if (start != known && (word & MallocChunk.SIZE_BITS) != MallocChunk.PREV_INUSE) {
            return false;
        }
        for (long chunks = 0; ; chunks++) {
            long size = word & ~MallocChunk.SIZE_BITS;
            if (p == top && size >= MallocChunk.MIN_SIZE && size <= to - p && (p + size & 0xfff) == 0) {
                chainEnd = p + size;
                return true;
            }
            if (foreignTops.length > 0 && isForeignTop(p)) {
                return false;
            }
            if (size == MallocChunk.HEADER && chunks > 0 && to - p >= 2 * MallocChunk.HEADER) {
                chainEnd = p + 2 * MallocChunk.HEADER;
                if (fencepost(p + MallocChunk.HEADER)) {
                    // An old top of 48 bytes leaves a third one, and the break is at the end of a page.
                    if ((chainEnd & 0xfff) != 0 && to - chainEnd >= MallocChunk.HEADER && fencepost(chainEnd)) {
                        chainEnd += MallocChunk.HEADER;
                    }
                    return true;
                }
            }
            boolean sound = size >= MallocChunk.MIN_SIZE
                    && (size & 15) == 0
                    && size <= to - p - MallocChunk.HEADER
                    && (word & (MallocChunk.IS_MMAPPED | MallocChunk.NON_MAIN_ARENA)) == 0;
            if (sound && --budget < 0) {
                return false;
            }
            long q = p + size;
            long offset = sound ? window.find(q, MallocChunk.HEADER) : -1;
            if (offset >= 0) {
                word = window.segment().get(Words.LONG, offset + 8);
                sound = (word & MallocChunk.PREV_INUSE) != 0 || window.segment().get(Words.LONG, offset) == size;
            }
            if (!sound || offset < 0) {
                q = behindDamage(start, p, to, top, chunks);
                if (q < 0) {
                    return false;
                }
                if (q == to) {
                    chainEnd = to;
                    return true;
                }
                word = sizeWord(window, q);
            }
            p = q;
        }
    }

    private boolean isForeignTop(long chunk) {
        for (long foreign : foreignTops) {
            if (foreign == chunk) {
                return true;
            }
        }
        return false;
    }

    /** Takes the tops of other main arenas: what leads to one of them is a run of theirs, and ends there. */
    void foreignTops(long[] tops) {
        foreignTops = tops;
    }

    /** Where a run goes on behind damage, -1 if it is none. */
    private long behindDamage(long start, long at, long to, long top, long chunks) {
        chains.in(start, to, top >= start && top < to ? top : 0, 0, FreeChunks.NONE.entries());
        // No chunk has ever written to the word before the first size of a mapping.
        if (start != known && chunks < LEAST && !(chunks > 0 && (start & 0xfff) == 0 && chains.word(start) == 0)) {
            return -1;
        }
        long next = chains.next(at, at + MallocChunk.MIN_SIZE, 0);
        return next >= 0 && (start == known || chunks >= FEW || next - at <= SMALL) ? next : -1;
    }

    private boolean fencepost(long chunk) {
        return sizeWord(window, chunk) == (MallocChunk.HEADER | MallocChunk.PREV_INUSE);
    }

    /** Where the run ends that {@link #isRun} found, with its fenceposts or its top. */
    long end() {
        return chainEnd;
    }

    /** Forgets what was read before. */
    void forget() {
        if (window != null) {
            near.forget();
            window.forget();
        }
        chains.forget();
    }

    @Override
    public void close() {
        if (window != null) {
            near.close();
            window.close();
        }
        chains.close();
    }

    void allow(long headers) {
        budget = headers;
    }

    private static long sizeWord(Window in, long chunk) {
        long offset = in.find(chunk, MallocChunk.HEADER);
        return offset < 0 ? 0 : in.segment().get(Words.LONG, offset + 8);
    }
}
