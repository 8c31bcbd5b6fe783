// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.KeptCursor;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import java.util.List;
import java.util.OptionalLong;

/**
 * Walks every block in address order: regions of slabs, large blocks, free pages, and the memory that jemalloc keeps
 * its own structures in. A flyweight that allocates nothing for a block. A slab that contradicts itself is left out as
 * a whole.
 */
@SuppressWarnings("exports")
public final class JemallocCursor extends KeptCursor<JemallocHeap> {
    private HeapMap map;
    private Edata edata;
    private List<Tcache> caches = List.of();

    /** Makes a cursor for blocks that are looked up before the heap is known. */
    JemallocCursor(Target target, Reader reader, HeapMap map) {
        super(
                JemallocHeap.class,
                target,
                reader,
                map.table(),
                JemallocState.STATES,
                map.layout().mostRegions(),
                JemallocState.TCACHE,
                JemallocState.METADATA);
        this.map = map;
        this.edata = new Edata(map.layout());
    }

    /**
     * Makes a cursor before the first block.
     *
     * @param arena the arena whose blocks are walked, negative for all
     */
    JemallocCursor(JemallocHeap heap, int arena) {
        this(heap.target(), reader(heap.target()), heap.map());
        walk(heap, arena);
    }

    @Override
    protected ExtentTable take(JemallocHeap heap) {
        map = heap.map();
        edata = new Edata(map.layout());
        caches = heap.threadCaches();
        keep(map.kept());
        return map.table();
    }

    @Override
    protected Opened open(int index) {
        ExtentTable table = map.table();
        return switch (table.kinds[index]) {
            case SLAB -> openSlab(table, index);
            case FLUX -> Opened.FLUX;
            case LARGE -> one(table.addresses[index], table.sizes[index], map.usable(index), JemallocState.USED);
            case DIRTY -> whole(table, index, JemallocState.DIRTY);
            case MUZZY -> whole(table, index, JemallocState.MUZZY);
            case RETAINED -> whole(table, index, JemallocState.RETAINED);
            case BASE -> whole(table, index, JemallocState.METADATA);
        };
    }

    private Opened whole(ExtentTable table, int index, JemallocState heldFor) {
        return one(table.starts[index], table.sizes[index], table.sizes[index], heldFor);
    }

    private Opened openSlab(ExtentTable table, int index) {
        long at = table.structures[index];
        long offset = reader.find(at, edata.size());
        if (offset < 0) {
            return Opened.UNREADABLE;
        }
        edata.wrap(reader.segment(), offset, at);
        if (edata.eAddr() != table.starts[index]
                || edata.eSize() != table.sizes[index]
                || edata.szind() != table.classes[index]
                || !edata.slab()
                || edata.state() != ExtentState.ACTIVE) {
            return Opened.CHANGED;
        }
        long regionSize = map.classes().size(table.classes[index]);
        int count = (int) (table.sizes[index] / regionSize);
        int found = 0;
        int words = (count + Long.SIZE - 1) / Long.SIZE;
        for (int i = 0; i < words; i++) {
            free[i] = edata.bitmap(i);
            found += Long.bitCount(free[i]);
        }
        return found != edata.nfree() || count % Long.SIZE != 0 && free[words - 1] >>> count != 0
                ? Opened.MISCOUNTED
                : many(table.starts[index], regionSize, count);
    }

    @Override
    protected String describe(int index) {
        return "the slab at 0x%x".formatted(map.table().starts[index]);
    }

    /**
     * The thread that keeps the block in its cache.
     *
     * @return the thread's id; empty for a block that is in no cache, or in one whose thread is not known
     */
    public OptionalLong thread() {
        return cache() < 0 ? OptionalLong.empty() : caches.get(cache()).tid();
    }

    private boolean slab() {
        return map.table().kinds[span] == ExtentTable.Kind.SLAB;
    }

    /**
     * {@inheritDoc} That of a large block is where its extent begins.
     */
    @Override
    public long start() {
        return slab() ? address : map.table().starts[span];
    }

    /**
     * {@inheritDoc} Of a large block without what lies before it in its first page and behind it.
     */
    @Override
    public long usableSize() {
        return usable;
    }

    /**
     * What the block is held for, in jemalloc's own terms.
     *
     * @return the state
     */
    public JemallocState jemallocState() {
        return JemallocState.STATES.own(state);
    }

    /**
     * The index of the block's size class: of a small one that of its bin.
     *
     * @return the index, -1 for free pages and for jemalloc's own
     */
    public int szind() {
        return map.table().classes[span];
    }

    /**
     * The shard of the bin that the block's slab belongs to.
     *
     * @return the number, 0 for what is in no slab
     */
    public int binShard() {
        return slab() ? map.table().shards[span] : 0;
    }

    /**
     * The extent that the block lies in.
     *
     * @return target address of its {@link Edata}, 0 for jemalloc's own memory, which has none in the tree
     */
    public long edata() {
        return map.table().structures[span];
    }
}
