// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.AnonymousMemory;
import dev.heapwalk.allocator.KeptBlocks;
import dev.heapwalk.allocator.NonzeroWords;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Finds thread caches by what they look like: a bin for each small size class, one behind the other, whose stacks lie
 * one behind the other as well and hold allocated regions of just that class. They are thread-local variables, so few
 * places have to be looked at where these are known.
 */
final class CacheFinder {
    /** A stack takes no more, since its limits are told apart by their low 16 bits. */
    private static final long MOST_STACK = 1 << 16;
    /** So many good pointers stand up for a bad one. */
    private static final int GOOD_FOR_A_BAD = 8;
    /** Before 5.3, so far behind the small bins lie pointers to these and to the large ones: in 5.2, and in 5.1. */
    private static final long[] TO_BINS = {56, 32};
    /** A structure of an arena has its ring before that. */
    private static final long MOST_OF_ARENA = 1 << 14;
    /** No arena has the caches of more threads. */
    private static final int MOST_CACHES = 1 << 20;
    /** Where an element of a ring has the address of its bins, behind the next and the previous element. */
    private static final long BINS = 16;
    /** No extent's. */
    private static final int NO_CLASS = -2;

    private static final long AVAIL = 16;

    private final NonzeroWords words;
    private final Reader reader;
    private final AnonymousMemory anonymous;
    private final HeapMap map;
    private final JemallocCursor block;
    private final DamageList damages;
    private final boolean settled;

    private final CacheBin bin;
    private final List<Tcache> found = new ArrayList<>();
    private final Set<Long> seen = new HashSet<>();
    private final LongTable kept = new LongTable();

    // The cache that is being read.
    private final List<Tcache.Bin> bins = new ArrayList<>();
    private final List<Long> blocks = new ArrayList<>();
    private final List<Stray> strays = new ArrayList<>();
    private long top;
    private int bad;
    /** The size class of the block that has a cache's stacks. */
    private int stackClass = NO_CLASS;
    /**
     * Whether it is looked for among a thread's variables, where nothing else looks like one: then it is taken whatever
     * it points to, such as a slab that is damaged.
     */
    private boolean trusted;

    private record Stray(long at, long value, int szind) {}

    /** Sees whether words that come one after the other have pointers into stacks as bins have them, the third time. */
    private static final class PointerColumn {
        static final long NONE = -1;
        private static final int KEPT = 8;
        private static final int BINS = 3;

        private final long[] addresses = new long[KEPT];
        private final long[] values = new long[KEPT];
        private int count;

        /** The place of the first of three pointers that rise from bin to bin, if this is the third one. */
        long top(long at, long word) {
            int here = count++;
            addresses[here % KEPT] = at;
            values[here % KEPT] = word;
            long above = word;
            long wanted = at;
            int found = 1;
            for (int i = here - 1; i >= 0 && here - i < KEPT && found < BINS; i--) {
                long place = addresses[i % KEPT];
                if (place < wanted - CacheBin.SIZE) {
                    return NONE;
                }
                if (place == wanted - CacheBin.SIZE) {
                    long below = values[i % KEPT];
                    if (above <= below || above - below > 2 * MOST_STACK) {
                        return NONE;
                    }
                    above = below;
                    wanted = place;
                    found++;
                }
            }
            return found == BINS ? wanted : NONE;
        }
    }

    CacheFinder(
            NonzeroWords words,
            Reader reader,
            AnonymousMemory anonymous,
            HeapMap map,
            JemallocCursor block,
            DamageList damages,
            boolean settled) {
        this.words = words;
        this.reader = reader;
        this.anonymous = anonymous;
        this.map = map;
        this.block = block;
        this.damages = damages;
        this.settled = settled;
        this.bin = new CacheBin(map.layout());
    }

    List<Tcache> found() {
        return List.copyOf(found);
    }

    KeptBlocks kept() {
        return new KeptBlocks(kept);
    }

    /**
     * Whether blocks of the size that stacks are in are allocated for something else, maybe for caches that were not
     * found.
     */
    boolean mayLack() {
        ExtentTable table = map.table();
        int stacks = 0;
        for (int i = 0; i < table.count(); i++) {
            if (table.classes[i] == stackClass) {
                if (table.kinds[i] == ExtentTable.Kind.SLAB) {
                    return true;
                }
                stacks += table.kinds[i] == ExtentTable.Kind.LARGE ? 1 : 0;
            }
        }
        return stacks > found.size();
    }

    /**
     * Looks for caches in a range.
     *
     * @param tid the thread whose variables lie there, if it is known
     * @return how many were found
     */
    int search(Range range, OptionalLong tid) {
        return search(range, tid, false);
    }

    /**
     * Follows the rings that arenas have of the caches of their threads, where a build counts what these have.
     *
     * @param arenas target addresses of the arenas' structures
     * @return how many caches were found
     */
    int rings(Iterable<Long> arenas) {
        int before = found.size();
        trusted = false;
        long offset = -1;
        for (long arena : arenas) {
            if (offset >= 0) {
                ring(reader.readLong(arena + offset, 0));
                continue;
            }
            for (long at = 0; at < MOST_OF_ARENA && offset < 0; at += Long.BYTES) {
                if (ring(reader.readLong(arena + at, 0))) {
                    offset = at;
                }
            }
        }
        return found.size() - before;
    }

    /** Takes the caches of a ring of {@code cache_bin_array_descriptor_t}. Returns whether it has some. */
    private boolean ring(long first) {
        boolean some = false;
        long at = first;
        for (int i = 0; i < MOST_CACHES && isDescriptor(at); i++) {
            long bins = reader.readLong(at + BINS, 0);
            if (seen.contains(bins)) {
                some = true;
            } else if (anonymous.holds(bins, CacheBin.SIZE) && read(bins)) {
                keep(bins, OptionalLong.empty());
                some = true;
            }
            at = reader.readLong(at, 0);
            if (at == first) {
                break;
            }
        }
        return some;
    }

    private boolean isDescriptor(long at) {
        if ((at & 7) != 0 || !anonymous.holds(at, BINS + Long.BYTES)) {
            return false;
        }
        long next = reader.readLong(at, 0);
        long previous = reader.readLong(at + Long.BYTES, 0);
        return anonymous.holds(next, BINS)
                && anonymous.holds(previous, BINS)
                && reader.readLong(next + Long.BYTES, 0) == at
                && reader.readLong(previous, 0) == at;
    }

    /** Looks for those that have blocks but no thread any more; that of a thread that ended in peace is empty. */
    void searchLeft(Range range) {
        search(range, OptionalLong.empty(), true);
    }

    private int search(Range range, OptionalLong tid, boolean left) {
        int before = found.size();
        trusted = tid.isPresent();
        long[] behind = {0};
        PointerColumn column = new PointerColumn();
        words.each(range.start(), range.end(), (at, word) -> {
            // In a thread's variables a bin may be damaged; elsewhere most of what points to somewhere is no cache.
            long first = trusted ? at : column.top(at, word);
            long address = map.layout().stackHead() ? first : first - AVAIL;
            if (first != PointerColumn.NONE
                    && address >= behind[0]
                    && (word & 7) == 0
                    && anonymous.holds(word - Long.BYTES, Long.BYTES)
                    && read(address)) {
                behind[0] = address + (long) CacheBin.SIZE * map.classes().bins();
                if (!left || !blocks.isEmpty()) {
                    keep(address, tid);
                }
            }
            return true;
        });
        return found.size() - before;
    }

    /**
     * Reads what is left of a cache that is none by its looks, though other threads have theirs at that place: the bins
     * that are sound each for itself. A thread of jemalloc's own has none, so its bins are zeros.
     */
    void salvage(long address, long tid) {
        bins.clear();
        blocks.clear();
        strays.clear();
        boolean used = false;
        int small = map.classes().bins();
        for (int szind = 0; szind < small; szind++) {
            top = 0;
            bad = 0;
            int allBins = bins.size();
            int allBlocks = blocks.size();
            int allStrays = strays.size();
            long at = address + (long) CacheBin.SIZE * szind;
            used |= reader.readLong(at, 0) != 0 || reader.readLong(at + AVAIL, 0) != 0;
            if (!readBin(at, szind) || bad > blocks.size() - allBlocks) {
                bins.subList(allBins, bins.size()).clear();
                blocks.subList(allBlocks, blocks.size()).clear();
                strays.subList(allStrays, strays.size()).clear();
            }
        }
        if (used) {
            if (settled) {
                damages.add(address, -1, "the cache of thread %d has bins that can't be read".formatted(tid));
            }
            keep(address, OptionalLong.of(tid));
        }
    }

    /** Reads what may be the bins of a cache. */
    private boolean read(long address) {
        bins.clear();
        blocks.clear();
        strays.clear();
        top = 0;
        bad = 0;
        int small = map.classes().bins();
        for (int szind = 0; szind < small; szind++) {
            if (!readBin(address + (long) CacheBin.SIZE * szind, szind)) {
                return false;
            }
        }
        if (!trusted && bad * GOOD_FOR_A_BAD > blocks.size()) {
            return false;
        }
        long large = address + (long) CacheBin.SIZE * small;
        if (!map.layout().stackHead()) {
            large = largeBins(address, large, small);
            if (large == 0) {
                return false;
            }
        }
        readLargeBins(large, small);
        return true;
    }

    /**
     * Where the large bins lie before 5.3, 0 if these are no bins. A build that counts nothing has no use for pointers
     * to them: there they lie behind two pointers more, and a byte for each small bin.
     */
    private long largeBins(long address, long end, int small) {
        for (long to : TO_BINS) {
            if (reader.readLong(end + to, -1) == address) {
                return reader.readLong(end + to + Long.BYTES, 0);
            }
        }
        for (long to : TO_BINS) {
            if (reader.readLong(end + to, -1) == 0) {
                return end + to + 3 * Long.BYTES + (Integer.BYTES + small + Long.BYTES - 1 & -Long.BYTES);
            }
        }
        return 0;
    }

    /** How many size classes are cached is an option, so bins are read as long as they are such. */
    private void readLargeBins(long address, int small) {
        for (int szind = small; szind < map.classes().count(); szind++) {
            int allBins = bins.size();
            int allBlocks = blocks.size();
            int allStrays = strays.size();
            long before = top;
            bad = 0;
            if (!readBin(address + (long) CacheBin.SIZE * (szind - small), szind)
                    || !trusted && bad * GOOD_FOR_A_BAD > blocks.size() - allBlocks) {
                bins.subList(allBins, bins.size()).clear();
                blocks.subList(allBlocks, blocks.size()).clear();
                strays.subList(allStrays, strays.size()).clear();
                top = before;
                return;
            }
        }
    }

    private boolean readBin(long address, int szind) {
        long offset = reader.find(address, CacheBin.SIZE);
        if (offset < 0) {
            return false;
        }
        bin.wrap(reader.segment(), offset, address);
        if (bin.disabled()) {
            return top != 0;
        }
        int count = bin.ncached();
        long stack = bin.stack();
        long end = bin.top();
        boolean first = top == 0;
        if (count < 0
                || (long) count * Long.BYTES > MOST_STACK
                || (stack & 7) != 0
                || !anonymous.holds(end - Long.BYTES, Long.BYTES)
                || !first && (end <= top || end - top > MOST_STACK || stack < top)) {
            return false;
        }
        top = end;
        int good = 0;
        for (int i = 0; i < count; i++) {
            long at = stack + (long) Long.BYTES * i;
            long value = reader.readLong(at, 0);
            if (isAllocated(value, szind)) {
                blocks.add(value);
                good++;
            } else {
                bad++;
                strays.add(new Stray(at, value, szind));
            }
            if (!trusted && bad > GOOD_FOR_A_BAD && bad > blocks.size()) {
                return false;
            }
        }
        if (good > 0) {
            bins.add(new Tcache.Bin(szind, map.classes().size(szind), good));
        }
        return true;
    }

    private boolean isAllocated(long address, int szind) {
        return block.find(address)
                && block.address() == address
                && block.szind() == szind
                && block.jemallocState() == JemallocState.USED;
    }

    private void keep(long address, OptionalLong tid) {
        if (!seen.add(address)) {
            return;
        }
        int number = found.size();
        for (long cached : blocks) {
            if (kept.get(cached, KeptBlocks.NOBODY) == KeptBlocks.NOBODY) {
                kept.put(cached, number);
            } else if (settled) {
                damages.add(cached, -1, "the block at 0x%x is in two thread caches".formatted(cached));
            }
        }
        for (Stray stray : settled ? strays : List.<Stray>of()) {
            damages.add(
                    stray.at,
                    -1,
                    "a thread cache has 0x%x among its blocks of size class %d, where no such block is allocated"
                            .formatted(stray.value, stray.szind));
        }
        // The stacks of all bins lie in one block.
        if (block.find(top - Long.BYTES) && block.jemallocState() == JemallocState.USED) {
            kept.put(block.address(), KeptBlocks.ALLOCATOR);
            stackClass = block.szind();
        }
        found.add(new Tcache(address, tid, bins));
    }
}
