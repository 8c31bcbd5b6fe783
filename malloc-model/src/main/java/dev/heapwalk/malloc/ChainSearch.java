// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.TouchedPages;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import java.util.Arrays;

/**
 * Finds where the chunks of a run go on behind damage, or behind memory that can't be read: at the first address from
 * which sound chunks lead to the top chunk, to the end of the run, to a chunk that a list names, or just on and on.
 *
 * <p>What programs write may look like a chunk or two. So a chain that soon breaks is believed only if no better one
 * begins before the break, and if its chunks are not just equal words in a row. No address is followed twice where
 * that can be told, and what is followed in one run is bounded by the size of the run.
 */
final class ChainSearch implements AutoCloseable {
    /** So many sound chunks in a row are believed, wherever they lead. */
    private static final int ENOUGH = 1024;
    /** So few are believed if they break only when their sizes differ. */
    private static final int FEW = 16;

    /** So many chunks in the place of one are more likely than that one. */
    private static final int SEVERAL = 4;

    /** So many are believed in its place even if they break before its end. */
    private static final int MANY = 64;

    private static final int FINER = 1 << 20;
    private static final int FAR = 1 << 16;
    /** What a step to somewhere else costs, in steps to what lies near: it may be a system call. */
    private static final int FAR_COST = 64;

    private static final int LEAST_BUDGET = 1 << 18;
    private static final int MEMO = 1 << 13;
    private static final long PAGE = 4096;
    private static final long MARGIN = 64;

    private final AddressSpace memory;
    private Window near;
    private Window far;
    private TouchedPages touched;
    /** Addresses that were followed and led to nothing; the later one of two with the same place stays. */
    private long[] followed;

    private long start;
    private long end;
    private long top;
    private long inUseBits;
    private long[] lists;
    private long budget;

    // What the last chain was like.
    private int links;
    private long second;
    private long last;
    private long brokenAt;
    private boolean diverse;
    private boolean closes;

    private enum Chain {
        NONE,
        BROKEN,
        SURE
    }

    ChainSearch(AddressSpace memory) {
        this.memory = memory;
    }

    /**
     * Goes to a run.
     *
     * @param runStart target address of its first chunk
     * @param runEnd target address behind it
     * @param topChunk target address of the top chunk in it, or 0
     * @param bits the flags that all its used chunks have, but for {@code PREV_INUSE}
     * @param listed the chunks in fastbins and thread caches, as {@link FreeChunks#entries}
     */
    void in(long runStart, long runEnd, long topChunk, long bits, long[] listed) {
        if (near == null) {
            near = memory.cache(FAR);
            far = memory.cache(4L << 20);
        }
        if (runStart != start || runEnd != end || topChunk != top || listed != lists) {
            start = runStart;
            end = runEnd;
            top = topChunk;
            inUseBits = bits;
            lists = listed;
            budget = Math.max(runEnd - runStart >> 4, LEAST_BUDGET);
        }
    }

    /**
     * The first place where chunks go on.
     *
     * @param damaged target address of the chunk that is damaged or in doubt, where nothing else is known of it
     * @param from target address of the first candidate
     * @param behind where the chunk ends if its size is right: what begins before must be more than one chunk
     * @return target address of a chunk, or -1
     */
    long next(long damaged, long from, long behind) {
        forgetFollowed();
        closes = false;
        boolean inBin = inBin(damaged);
        long tentative = -1;
        long until = 0;
        long pageEnd = 0;
        int listed = position(from);
        for (long c = from + 15 & -16L; end - c >= MallocChunk.MIN_SIZE; c += 16) {
            if (tentative >= 0 && c > until) {
                break;
            }
            if (c >= pageEnd) {
                c = Math.max(c, touched.next(memory.nextReadable(c, end), end));
                pageEnd = (c & -PAGE) + PAGE;
                if (end - c < MallocChunk.MIN_SIZE) {
                    break;
                }
            }
            if (c == top) {
                return tentative >= 0 ? tentative : c;
            }
            long offset = near.find(c, MallocChunk.HEADER);
            if (offset < 0) {
                c = pageEnd - 16;
                continue;
            }
            long word = near.segment().get(Words.LONG, offset + 8);
            if (!plausible(c, word) || followed[place(c)] == c) {
                continue;
            }
            boolean behindFree = (word & MallocChunk.PREV_INUSE) == 0;
            long previous = near.segment().get(Words.LONG, offset);
            if (behindFree
                    && (previous < MallocChunk.MIN_SIZE
                            || (previous & 15) != 0
                            || previous > c - damaged && !isFree(c - previous, previous))) {
                continue;
            }
            while (FreeChunks.chunk(lists[listed]) < c) {
                listed++;
            }
            if (FreeChunks.chunk(lists[listed]) == c) {
                return c;
            }
            Chain chain = follow(c, word);
            if (chain == Chain.NONE) {
                continue;
            }
            if (c < behind) {
                boolean goesBeyond = chain == Chain.SURE || links >= FEW && brokenAt > behind;
                if (goesBeyond && (second < behind || finer(c, behind + 16, second, 1) == c)) {
                    return c;
                }
                // What it led over is looked at again.
                Arrays.fill(followed, 0);
                continue;
            }
            boolean closing = behindFree && inBin && previous == c - damaged;
            if (closing && (chain == Chain.SURE || links >= FEW)) {
                closes = true;
                return c;
            }
            if (chain == Chain.SURE) {
                return finer(c, c + 16, second, SEVERAL);
            }
            if (tentative < 0 && believable(c - damaged, word)) {
                tentative = c;
                until = brokenAt;
                if (links >= FEW) {
                    // A better one can begin no earlier than its last chunk.
                    c = last - 16;
                    pageEnd = 0;
                }
            }
        }
        return tentative;
    }

    /**
     * A chunk that leads to the same place by more steps: a word of a program's may by chance lead to some chunk, and
     * over many others.
     */
    private long finer(long chunk, long from, long to, int steps) {
        long pageEnd = 0;
        for (long c = from; c < to && c - from < FINER; c += 16) {
            if (c >= pageEnd) {
                c = Math.max(c, touched.next(memory.nextReadable(c, to), to));
                pageEnd = (c & -PAGE) + PAGE;
            }
            long offset = to - c < MallocChunk.MIN_SIZE ? -1 : near.find(c, MallocChunk.HEADER);
            if (offset < 0) {
                c = pageEnd - 16;
                continue;
            }
            long word = near.segment().get(Words.LONG, offset + 8);
            if ((word & MallocChunk.PREV_INUSE) != 0
                    && plausible(c, word)
                    && followed[place(c)] != c
                    && leads(c, word, to, steps)) {
                return c;
            }
        }
        return chunk;
    }

    /**
     * Whether a header leads to a chunk in one step over many others.
     *
     * @param chunk target address of the header
     * @param size what it says
     */
    boolean coarse(long chunk, long size) {
        forgetFollowed();
        return finer(chunk, chunk + 16, chunk + size, SEVERAL) != chunk;
    }

    /** Whether a chain of so many sound chunks at least leads from an address to another one, or a long one nearly. */
    private boolean leads(long chunk, long sizeWord, long to, int least) {
        long p = chunk;
        long word = sizeWord;
        boolean differ = false;
        for (int steps = 1; ; steps++) {
            long size = word & ~MallocChunk.SIZE_BITS;
            long q = p + size;
            if (size > to - p || --budget < 0) {
                return differ && steps > MANY;
            }
            long offset = far.find(q, MallocChunk.HEADER);
            if (offset < 0) {
                return differ && steps > MANY;
            }
            long next = far.segment().get(Words.LONG, offset + 8);
            boolean follows = follows(word, far.segment().get(Words.LONG, offset), next);
            if (follows && q == to) {
                return steps >= least;
            }
            if (!follows || !plausible(q, next) || followed[place(q)] == q) {
                return differ && steps > MANY;
            }
            followed[place(q)] = q;
            differ |= (next & ~MallocChunk.SIZE_BITS) != size;
            p = q;
            word = next;
        }
    }

    private boolean follows(long word, long previous, long next) {
        return (next & MallocChunk.PREV_INUSE) != 0
                ? (word & (MallocChunk.IS_MMAPPED | MallocChunk.NON_MAIN_ARENA)) == inUseBits
                : previous == (word & ~MallocChunk.SIZE_BITS);
    }

    /** Makes what only damage needs, or makes it empty. */
    private void forgetFollowed() {
        if (followed == null) {
            followed = new long[MEMO];
            touched = memory.touched();
        } else {
            Arrays.fill(followed, 0);
        }
    }

    /** Whether what {@link #next} found says that the damaged chunk is free and reaches up to there. */
    boolean closes() {
        return closes;
    }

    /** Whether a chunk begins at an address, as those that follow it say. */
    boolean sound(long chunk) {
        forgetFollowed();
        if (chunk == top || contains(chunk)) {
            return true;
        }
        long offset = end - chunk < MallocChunk.HEADER ? -1 : far.find(chunk, MallocChunk.HEADER);
        if (offset < 0) {
            return false;
        }
        long word = far.segment().get(Words.LONG, offset + 8);
        if (fencepost(chunk, word)) {
            return true;
        }
        if (!plausible(chunk, word)) {
            return false;
        }
        Chain chain = follow(chunk, word);
        return chain == Chain.SURE || chain == Chain.BROKEN && links > 1;
    }

    /** Whether a chunk begins at an address, as many that follow it say, or those to one that is known. */
    boolean sure(long chunk) {
        forgetFollowed();
        long word = sizeWord(chunk);
        return plausible(chunk, word) && follow(chunk, word) == Chain.SURE;
    }

    /** Whether a chunk is in a bin, as its neighbours there say. */
    boolean inBin(long chunk) {
        long offset = far.find(chunk + 16, 16);
        if (offset < 0) {
            return false;
        }
        long fd = far.segment().get(Words.LONG, offset);
        long bk = far.segment().get(Words.LONG, offset + 8);
        return (fd & 15) == 0
                && (bk & 15) == 0
                && fd != chunk
                && bk != chunk
                && word(fd + 24) == chunk
                && word(bk + 16) == chunk;
    }

    /** Whether there is a chunk of some size in a bin: what lies in it is none. */
    private boolean isFree(long chunk, long size) {
        return chunk >= start && (sizeWord(chunk) & ~MallocChunk.SIZE_BITS) == size && inBin(chunk);
    }

    /** The size word of a chunk, or 0 if it can't be read. */
    long sizeWord(long chunk) {
        return word(chunk + 8);
    }

    /** A word of the target, or 0 if it can't be read. */
    long word(long address) {
        long offset = address < 0 ? -1 : far.find(address, Long.BYTES);
        return offset < 0 ? 0 : far.segment().get(Words.LONG, offset);
    }

    private boolean believable(long distance, long firstWord) {
        return links >= FEW || links > 1 && (diverse || distance == (firstWord & ~MallocChunk.SIZE_BITS));
    }

    /** Follows chunk after chunk. */
    private Chain follow(long chunk, long sizeWord) {
        long p = chunk;
        long word = sizeWord;
        links = 0;
        diverse = false;
        while (true) {
            long size = word & ~MallocChunk.SIZE_BITS;
            long q = p + size;
            brokenAt = q;
            last = p;
            if (links == 0) {
                second = q;
            }
            if (q == end) {
                return Chain.SURE;
            }
            budget -= size > FAR ? FAR_COST : 1;
            if (budget < 0) {
                return Chain.NONE;
            }
            long offset = end - q < MallocChunk.HEADER ? -1 : far.find(q, MallocChunk.HEADER);
            if (offset < 0) {
                return broken();
            }
            long previous = far.segment().get(Words.LONG, offset);
            long next = far.segment().get(Words.LONG, offset + 8);
            if (!follows(word, previous, next)) {
                return broken();
            }
            if (q == top || contains(q) || fencepost(q, next)) {
                return Chain.SURE;
            }
            if (!plausible(q, next) || followed[place(q)] == q) {
                return broken();
            }
            followed[place(q)] = q;
            diverse |= (next & ~MallocChunk.SIZE_BITS) != size;
            if (++links == ENOUGH) {
                return Chain.SURE;
            }
            p = q;
            word = next;
        }
    }

    private Chain broken() {
        return links == 0 ? Chain.NONE : Chain.BROKEN;
    }

    /** Whether a size word may be that of a chunk in this run. */
    boolean plausible(long chunk, long word) {
        long size = word & ~MallocChunk.SIZE_BITS;
        return size >= MallocChunk.MIN_SIZE
                && (word & (8 | MallocChunk.IS_MMAPPED)) == 0
                && (word & MallocChunk.NON_MAIN_ARENA & ~inUseBits) == 0
                && size <= end - chunk;
    }

    private boolean fencepost(long chunk, long word) {
        if (inUseBits != 0) {
            return top == 0
                    && end - chunk <= MARGIN
                    && (word & ~(MallocChunk.HEADER | MallocChunk.PREV_INUSE | inUseBits)) == 0;
        }
        return word == (MallocChunk.HEADER | MallocChunk.PREV_INUSE)
                && word(chunk + MallocChunk.HEADER + 8) == (MallocChunk.HEADER | MallocChunk.PREV_INUSE);
    }

    private int position(long chunk) {
        int index = Arrays.binarySearch(lists, chunk);
        return index < 0 ? -index - 1 : index;
    }

    private boolean contains(long chunk) {
        return FreeChunks.chunk(lists[position(chunk)]) == chunk;
    }

    private static int place(long chunk) {
        return (int) (chunk >>> 4) & MEMO - 1;
    }

    /** Forgets what was read before. */
    void forget() {
        start = 0;
        end = 0;
        if (near != null) {
            near.forget();
            far.forget();
        }
        if (touched != null) {
            touched.forget();
        }
    }

    @Override
    public void close() {
        if (near != null) {
            near.close();
            far.close();
        }
    }
}
