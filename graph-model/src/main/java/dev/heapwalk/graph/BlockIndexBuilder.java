// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.LayerCursor;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.raw.LocalArray;
import java.util.ArrayList;
import java.util.List;

/** Makes a {@link BlockIndex}: takes blocks in any order, then numbers them by their addresses. */
final class BlockIndexBuilder implements AutoCloseable {
    /** No program has memory above it, but on machines and for programs that ask for it. */
    private static final long HIGHEST = 1L << 48;

    private static final int OVERHEAD_BITS = 15;
    private static final long MOST_OVERHEAD = (1 << OVERHEAD_BITS) - 1;
    private static final int MOST_HEAPS = 128;
    private static final int OWN = 0x80;
    /** Of so many blocks one may begin where no program's does, before smaller granules are taken for it. */
    private static final int MISALIGNED = 1000;

    /** It is told that the work goes on whenever these bits of the count of blocks are 0. */
    private static final int TOLD_AFTER = 0xffff;

    private static final int FINE = 3;
    private static final int COARSE = 4;
    private static final long GONE = -1;

    final Tables tables;
    /** The address, whether the block is its heap's own, and the number of the heap in 7 bits. */
    private final LongRuns addresses;
    /** The usable size, and the overhead in {@link #OVERHEAD_BITS} bits as far as they go. */
    private final LongRuns sizes;

    final List<Heap> heaps = new ArrayList<>();
    int count;
    int unlisted;
    long low = Long.MAX_VALUE;
    long span;
    int granule;
    int[] pieces;
    LocalArray sections;
    LocalArray words;
    int[] ordered;
    long[] orderedStarts;
    int[] orderedFirsts;
    LocalArray usable;
    LocalArray overhead;
    LocalArray heapOf;
    final LongTable longUsable = new LongTable();
    final LongTable overheads = new LongTable();
    /** By address, as long as there are no numbers. */
    private final LongTable longOverhead = new LongTable();

    private long high;
    /** How many blocks begin at a multiple of so many bytes, by the power of two. */
    private final long[] aligned = new long[COARSE + 1];

    private int sectionShift;
    private int sectionCount;

    BlockIndexBuilder(Tables tables) {
        this.tables = tables;
        this.addresses = new LongRuns(tables);
        this.sizes = new LongRuns(tables);
    }

    void walk(Heaps of, Runnable progress) {
        // Also one without blocks of its own may know those of others.
        of.list().forEach(this::number);
        try (LayerCursor block = of.blocks()) {
            Heap heap = null;
            int number = -1;
            int walked = 0;
            while (block.next()) {
                if ((++walked & TOLD_AFTER) == 0) {
                    progress.run();
                }
                if (block.state() != BlockState.USED) {
                    continue;
                }
                if (block.heap() != heap) {
                    heap = block.heap();
                    number = number(heap);
                }
                add(block.address(), block.size(), block.usableSize(), number, heap.isOwn(block.current()));
            }
        }
    }

    int number(Heap heap) {
        int known = heaps.indexOf(heap);
        if (known >= 0) {
            return known;
        }
        if (heaps.size() == MOST_HEAPS) {
            throw new UnsupportedTargetException(
                    "%s has more than %d heaps".formatted(heap.target().description(), MOST_HEAPS));
        }
        heaps.add(heap);
        return heaps.size() - 1;
    }

    void add(long address, long size, long usableSize, int heap, boolean own) {
        if (address < 0 || address >= HIGHEST || usableSize < 0 || usableSize > HIGHEST - address) {
            unlisted++;
            return;
        }
        if (addresses.count() == BlockIndex.MOST) {
            throw new UnsupportedTargetException(
                    "there are more than %d blocks in use, which are too many for a graph".formatted(BlockIndex.MOST));
        }
        low = Math.min(low, address);
        // What points right behind a block is found too.
        high = Math.max(high, address + usableSize + 1);
        int alignment = Math.min(COARSE, Long.numberOfTrailingZeros(address));
        aligned[alignment]++;
        addresses.add(address << 8 | (own ? OWN : 0) | heap);
        long more = Math.max(0, size - usableSize);
        if (more >= MOST_OVERHEAD) {
            longOverhead.put(address, more);
        }
        sizes.add(usableSize << OVERHEAD_BITS | Math.min(MOST_OVERHEAD, more));
    }

    BlockIndex build(boolean ownTables) {
        granule = granule();
        sectionShift = granule + BlockIndex.SECTION_SHIFT;
        int perPiece = 1 << BlockIndex.PIECE_SHIFT - sectionShift;
        if (addresses.count() == 0) {
            low = 0;
        }
        low &= -1L << sectionShift;
        span = Math.max(0, high - low);
        pieces = new int[span == 0 ? 0 : (int) ((high - 1 >>> BlockIndex.PIECE_SHIFT) - piece(low)) + 1];
        // What no piece has is found in the first one, which is empty.
        int pieceCount = 1;
        for (long i = 0; i < addresses.count(); i++) {
            long start = addresses.get(i) >>> 8;
            long last = start + (sizes.get(i) >>> OVERHEAD_BITS) >>> BlockIndex.PIECE_SHIFT;
            for (long piece = start >>> BlockIndex.PIECE_SHIFT; piece <= last; piece++) {
                int at = (int) (piece - piece(low));
                if (pieces[at] == 0) {
                    pieces[at] = pieceCount++ * perPiece;
                }
            }
        }
        sections = tables.ints((long) pieceCount * perPiece);
        sectionCount = 0;
        for (long i = 0; i < addresses.count(); i++) {
            long place = sectionPlace(addresses.get(i) >>> 8);
            if (sections.intAt(place) == 0) {
                sections.put(place, ++sectionCount);
            }
        }
        words = tables.longs((sectionCount + 1L) * BlockIndex.SECTION_WORDS * 2);
        for (long i = 0; i < addresses.count(); i++) {
            mark(i);
        }
        rank(perPiece);
        usable = tables.ints(count);
        overhead = tables.make(count, 1);
        heapOf = tables.make(count, 1);
        BlockIndex index = new BlockIndex(this, ownTables);
        for (long i = 0; i < addresses.count(); i++) {
            if (addresses.get(i) != GONE) {
                describe(i, index);
            }
        }
        cut(index);
        for (long i = 0; i < addresses.count(); i++) {
            if (addresses.get(i) != GONE && sizes.get(i) >>> OVERHEAD_BITS + sectionShift != 0) {
                cover(addresses.get(i) >>> 8, index);
            }
        }
        return index;
    }

    private int granule() {
        long all = addresses.count();
        if (aligned[COARSE] == all) {
            return COARSE;
        }
        for (int alignment = FINE; alignment > 0; alignment--) {
            long less = 0;
            for (int i = 0; i < alignment; i++) {
                less += aligned[i];
            }
            if (less <= all / MISALIGNED) {
                return alignment;
            }
        }
        return 0;
    }

    private static long piece(long address) {
        return address >>> BlockIndex.PIECE_SHIFT;
    }

    private long sectionPlace(long address) {
        return pieces[(int) (piece(address) - piece(low))]
                + (address >>> sectionShift & (1L << BlockIndex.PIECE_SHIFT - sectionShift) - 1);
    }

    private void mark(long i) {
        long address = addresses.get(i) >>> 8;
        long place = (long) sections.intAt(sectionPlace(address)) * BlockIndex.SECTION_WORDS
                        + (address >>> granule + 6 & BlockIndex.SECTION_WORDS - 1)
                << 1;
        long bits = words.longAt(place);
        long bit = 1L << (address >>> granule);
        if ((address & (1L << granule) - 1) != 0 || (bits & bit) != 0) {
            addresses.set(i, GONE);
            unlisted++;
        } else {
            words.put(place, bits | bit);
        }
    }

    /** Counts the blocks before each word, in the order of addresses. */
    private void rank(int perPiece) {
        ordered = new int[sectionCount];
        orderedStarts = new long[sectionCount];
        orderedFirsts = new int[sectionCount];
        int at = 0;
        int before = 0;
        for (int piece = 0; piece < pieces.length; piece++) {
            for (int i = 0; pieces[piece] != 0 && i < perPiece; i++) {
                int section = sections.intAt((long) pieces[piece] + i);
                if (section == 0) {
                    continue;
                }
                ordered[at] = section;
                orderedStarts[at] = piece(low) + piece << BlockIndex.PIECE_SHIFT | (long) i << sectionShift;
                orderedFirsts[at++] = before;
                long place = (long) section * BlockIndex.SECTION_WORDS * 2;
                for (int word = 0; word < BlockIndex.SECTION_WORDS; word++, place += 2) {
                    words.put(place + 1, (long) before);
                    before += Long.bitCount(words.longAt(place));
                }
            }
        }
        count = before;
    }

    private void describe(long i, BlockIndex index) {
        long word = addresses.get(i);
        long address = word >>> 8;
        int number = index.startingAt(address);
        long size = sizes.get(i) >>> OVERHEAD_BITS;
        setUsable(number, size);
        long more = sizes.get(i) & MOST_OVERHEAD;
        setOverhead(number, more == MOST_OVERHEAD ? longOverhead.get(address, more) : more);
        heapOf.put(number, (byte) word);
    }

    private void setUsable(int number, long size) {
        if (size <= Integer.MAX_VALUE) {
            usable.put(number, (int) size);
        } else {
            usable.put(number, -1);
            longUsable.put(number, size);
        }
    }

    private void setOverhead(int number, long more) {
        if (more <= Byte.MAX_VALUE) {
            overhead.put(number, (byte) more);
        } else {
            overhead.put(number, (byte) -1);
            overheads.put(number, more);
        }
    }

    /** Ends each block where the next one begins: what is left of a page is told as if it were in one piece. */
    private void cut(BlockIndex index) {
        BlockIndex.Walk walk = index.new Walk(0, count);
        long before = 0;
        while (walk.next()) {
            int number = walk.number() - 1;
            if (number >= 0 && index.usable(number) > walk.address() - before) {
                long size = index.size(number);
                setUsable(number, walk.address() - before);
                setOverhead(number, size - (walk.address() - before));
            }
            before = walk.address();
        }
    }

    /** Has the sections that a long block goes through lead to it. */
    private void cover(long address, BlockIndex index) {
        int number = index.startingAt(address);
        long end = address + index.usable(number);
        for (long at = (address >>> sectionShift) + 1 << sectionShift; at <= end; at += 1L << sectionShift) {
            long place = sectionPlace(at);
            if (sections.intAt(place) == 0) {
                sections.put(place, ~number);
            }
        }
    }

    @Override
    public void close() {
        addresses.close();
        sizes.close();
    }
}
