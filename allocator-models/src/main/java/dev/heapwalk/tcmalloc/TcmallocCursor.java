// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.KeptCursor;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import java.util.List;
import java.util.OptionalLong;

/**
 * Walks every block in address order: objects of spans, blocks of whole pages, free pages, and the memory that tcmalloc
 * keeps its own structures in. A flyweight that allocates nothing for a block. A span whose free objects are not those
 * that it counts is left out as a whole.
 */
@SuppressWarnings("exports")
public final class TcmallocCursor extends KeptCursor<TcmallocHeap> {
    /** A span counts its objects in 16 bits. */
    private static final int MOST_OBJECTS = 1 << 16;

    private final Span view = new Span();
    private HeapMap map;
    private List<ThreadCache> caches = List.of();

    /** Makes a cursor for spans that are looked up before the heap is known. */
    TcmallocCursor(Target target, Reader reader, HeapMap map) {
        super(
                TcmallocHeap.class,
                target,
                reader,
                map.table(),
                TcmallocState.STATES,
                MOST_OBJECTS,
                TcmallocState.TCACHE,
                TcmallocState.TRANSFER);
        this.map = map;
    }

    /**
     * Makes a cursor before the first block.
     *
     * @param region the region whose blocks are walked, negative for all
     */
    TcmallocCursor(TcmallocHeap heap, int region) {
        this(heap.target(), reader(heap.target()), heap.map());
        walk(heap, region);
    }

    @Override
    protected SpanTable take(TcmallocHeap heap) {
        map = heap.map();
        caches = heap.threadCaches();
        keep(map.kept());
        return map.table();
    }

    @Override
    protected Opened open(int index) {
        SpanTable table = map.table();
        return switch (table.kinds[index]) {
            case SMALL -> openSmall(table, index);
            case FLUX -> Opened.FLUX;
            case NORMAL -> whole(table, index, TcmallocState.NORMAL);
            case RETURNED -> whole(table, index, TcmallocState.RETURNED);
            case META -> whole(table, index, TcmallocState.METADATA);
            case LARGE, SAMPLED -> whole(table, index, TcmallocState.USED);
        };
    }

    private Opened whole(SpanTable table, int index, TcmallocState heldFor) {
        return one(table.starts[index], table.sizes[index], table.usables[index], heldFor);
    }

    private Opened openSmall(SpanTable table, int index) {
        long at = table.structures[index];
        long offset = reader.find(at, Span.SIZE);
        if (offset < 0) {
            return Opened.UNREADABLE;
        }
        view.wrap(reader.segment(), offset, at);
        int pageShift = map.shape().pageShift();
        long start = table.starts[index];
        if (view.start() << pageShift != start
                || view.length() << pageShift != table.sizes[index]
                || view.sizeclass() != table.classes[index]
                || view.location() != Span.IN_USE) {
            return Opened.CHANGED;
        }
        long objectSize = map.classes().size(table.classes[index]);
        int count = (int) (table.sizes[index] / objectSize);
        int expected = count - view.refcount();
        long next = view.objects();
        for (int i = 0; i <= count - 1 >>> 6; i++) {
            free[i] = 0;
        }
        for (int i = 0; i < expected; i++) {
            long distance = next - start;
            int one = (int) (distance / objectSize);
            if (distance < 0
                    || distance >= count * objectSize
                    || one * objectSize != distance
                    || (free[one >>> 6] >>> one & 1) != 0) {
                return Opened.BROKEN;
            }
            free[one >>> 6] |= 1L << one;
            next = reader.readLong(next, NONE);
        }
        return next != 0 || expected < 0 ? Opened.MISCOUNTED : many(start, objectSize, count);
    }

    /** Whether the objects of a span of one size class can be told. */
    boolean opens(int index) {
        return open(index) == Opened.GOOD;
    }

    @Override
    protected String describe(int index) {
        return "the span of %d bytes at 0x%x".formatted(map.table().sizes[index], map.table().starts[index]);
    }

    /**
     * The thread that keeps the block in its cache.
     *
     * @return the thread's id; empty for a block that is in no thread's cache, or in one whose thread is not known
     */
    public OptionalLong thread() {
        return cache() < 0 ? OptionalLong.empty() : caches.get(cache()).tid();
    }

    /**
     * What the block is held for, in tcmalloc's own terms.
     *
     * @return the state
     */
    public TcmallocState tcmallocState() {
        return TcmallocState.STATES.own(state);
    }

    /**
     * The number of the block's size class.
     *
     * @return the number, 0 for what has none
     */
    public int sizeClass() {
        return map.table().classes[span];
    }

    /**
     * Whether tcmalloc has sampled the block: it has a span for itself, and a stack trace of where it was allocated.
     *
     * @return whether it was sampled
     */
    public boolean sampled() {
        return map.table().kinds[span] == SpanTable.Kind.SAMPLED;
    }

    /**
     * The span that the block lies in.
     *
     * @return target address of its {@link Span}, 0 for tcmalloc's own memory, which has none
     */
    public long span() {
        return map.table().structures[span];
    }
}
