// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.KeptBlocks;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.BlockView;
import dev.heapwalk.memory.Reader;

/** What a walk and a look-up have in common: they are at a block. */
abstract class AtBlock implements BlockView {
    /** A bitmap has so many bits. */
    static final int MOST_REGIONS = 512;

    private static final int NONE = -1;
    private static final JemallocState[] STATES = JemallocState.values();
    private static final int USED = JemallocState.USED.ordinal();
    private static final int TCACHE = JemallocState.TCACHE.ordinal();
    private static final int METADATA = JemallocState.METADATA.ordinal();

    HeapMap map;
    final Reader reader;
    private Edata edata;

    /** The index of the extent, -1 before the first. */
    int extent = NONE;
    /** How many blocks the extent has. */
    int regions;
    /** Which of them this is. */
    int region;

    private long first;
    private long regionSize;
    private final long[] bitmap = new long[MOST_REGIONS / Long.SIZE];
    /** The next kept block at or behind this one. */
    private int kept;

    private long keptAddress;

    private long address;
    private long size;
    private long usable;
    /** The state's index: a step in a slab writes no more than it must. */
    private int state;

    AtBlock(HeapMap map, Reader reader) {
        this.reader = reader;
        take(map);
    }

    final void take(HeapMap newMap) {
        map = newMap;
        edata = new Edata(newMap.layout());
        leave();
    }

    final void leave() {
        extent = NONE;
        regions = 0;
        region = 0;
    }

    /** What there is to say about an extent that a walk comes to. */
    enum Opened {
        /** It has blocks, of which none is chosen. */
        GOOD,
        /** It is between two states. */
        FLUX,
        /** What describes it can't be read. */
        UNREADABLE,
        /** It is no more what it was. */
        CHANGED,
        /** A slab counts other free regions than it has. */
        MISCOUNTED
    }

    /** Goes to an extent. If it is good, a region is to be chosen next. */
    final Opened open(int index) {
        ExtentTable table = map.table();
        extent = index;
        region = NONE;
        regions = 0;
        first = table.addresses[index];
        switch (table.kinds[index]) {
            case SLAB -> {
                return openSlab(table, index);
            }
            case FLUX -> {
                return Opened.FLUX;
            }
            default -> {
                regions = 1;
                return Opened.GOOD;
            }
        }
    }

    private Opened openSlab(ExtentTable table, int index) {
        long at = table.edatas[index];
        long offset = reader.find(at, Edata.SIZE);
        if (offset < 0) {
            return Opened.UNREADABLE;
        }
        edata.wrap(reader.segment(), offset, at);
        if (edata.eAddr() != first
                || edata.eSize() != table.sizes[index]
                || edata.szind() != table.classes[index]
                || !edata.slab()
                || edata.state() != ExtentState.ACTIVE) {
            return Opened.CHANGED;
        }
        regionSize = map.classes().size(table.classes[index]);
        int count = (int) (table.sizes[index] / regionSize);
        int free = 0;
        int words = (count + Long.SIZE - 1) / Long.SIZE;
        for (int i = 0; i < words; i++) {
            bitmap[i] = edata.bitmap(i);
            free += Long.bitCount(bitmap[i]);
        }
        if (free != edata.nfree() || (count % Long.SIZE != 0 && bitmap[words - 1] >>> count != 0)) {
            return Opened.MISCOUNTED;
        }
        regions = count;
        size = regionSize;
        usable = regionSize;
        kept = map.kept().from(first);
        keptAddress = map.kept().address(kept);
        return Opened.GOOD;
    }

    /** Goes to a region of a slab that was opened; one that lies behind the one before. */
    final void regionOfSlab(int index) {
        region = index;
        long at = first + index * regionSize;
        address = at;
        // Free ones and used ones alternate at random: the bit is the index of USED or FREE, without a branch.
        state = (int) (bitmap[index >>> 6] >>> index & 1);
        if (keptAddress <= at) {
            allocated(at);
        }
    }

    /** One that looks handed out may be kept. */
    private void allocated(long at) {
        while (keptAddress < at) {
            keptAddress = map.kept().address(++kept);
        }
        if (keptAddress == at && state == USED) {
            state = map.kept().owner(kept) == KeptBlocks.ALLOCATOR ? METADATA : TCACHE;
        }
    }

    /** Goes to the one block of an extent that is no slab. */
    final void whole() {
        ExtentTable table = map.table();
        region = 0;
        address = first;
        size = table.sizes[extent];
        usable = size;
        switch (table.kinds[extent]) {
            case LARGE -> {
                usable = map.usable(extent);
                state = USED;
                kept = map.kept().from(first);
                keptAddress = map.kept().address(kept);
                allocated(first);
            }
            case DIRTY -> state = JemallocState.DIRTY.ordinal();
            case MUZZY -> state = JemallocState.MUZZY.ordinal();
            case RETAINED -> state = JemallocState.RETAINED.ordinal();
            default -> state = METADATA;
        }
    }

    final boolean slab() {
        return map.table().kinds[extent] == ExtentTable.Kind.SLAB;
    }

    /** The region of an opened slab that an address lies in, -1 if it lies behind the last one. */
    final int regionAt(long target) {
        long index = (target - first) / regionSize;
        return index < regions ? (int) index : NONE;
    }

    /** The number of the cache that has the block, negative if none has. */
    final int cache() {
        return state == TCACHE ? map.kept().owner(kept) : KeptBlocks.NOBODY;
    }

    @Override
    public final long address() {
        return address;
    }

    /**
     * {@inheritDoc} That of a large block is where its extent begins.
     */
    @Override
    public final long start() {
        return slab() ? address : map.table().starts[extent];
    }

    /**
     * {@inheritDoc} A large block has what its extent has: where it begins inside the first page, what lies before it
     * and behind it.
     */
    @Override
    public final long size() {
        return size;
    }

    @Override
    public final long usableSize() {
        return usable;
    }

    @Override
    public final BlockState state() {
        return STATES[state].blockState();
    }

    @Override
    public final int nameIndex() {
        return state;
    }

    @Override
    public final String name() {
        return STATES[state].name();
    }

    @Override
    public final int region() {
        return map.table().arenas[extent];
    }

    @Override
    public final boolean ownMapping() {
        return false;
    }

    /**
     * What the block is held for, in jemalloc's own terms.
     *
     * @return the state
     */
    public final JemallocState jemallocState() {
        return STATES[state];
    }

    /**
     * The index of the block's size class: of a small one that of its bin.
     *
     * @return the index, -1 for free pages and for jemalloc's own
     */
    public final int szind() {
        return map.table().classes[extent];
    }

    /**
     * The shard of the bin that the block's slab belongs to.
     *
     * @return the number, 0 for what is in no slab
     */
    public final int binShard() {
        return slab() ? map.table().shards[extent] : 0;
    }

    /**
     * The extent that the block lies in.
     *
     * @return target address of its {@link Edata}, 0 for jemalloc's own memory, which has none in the tree
     */
    public final long edata() {
        return map.table().edatas[extent];
    }
}
