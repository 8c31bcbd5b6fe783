// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.KeptBlocks;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.BlockView;
import dev.heapwalk.memory.Reader;

/** What a walk and a look-up have in common: they are at a block. */
abstract class AtBlock implements BlockView {
    /** A span counts its objects in 16 bits. */
    private static final int MOST_OBJECTS = 1 << 16;

    private static final int NONE = -1;
    private static final TcmallocState[] STATES = TcmallocState.values();
    private static final int USED = TcmallocState.USED.ordinal();
    private static final int TCACHE = TcmallocState.TCACHE.ordinal();
    private static final int TRANSFER = TcmallocState.TRANSFER.ordinal();

    HeapMap map;
    final Reader reader;
    private final Span view = new Span();

    /** The index of the span, -1 before the first. */
    int span = NONE;
    /** How many blocks the span has. */
    int objects;
    /** Which of them this is. */
    int object;

    private long first;
    private long objectSize;
    /** A bit for each free object. */
    private final long[] free = new long[MOST_OBJECTS / Long.SIZE];
    /** The next kept object at or behind this one. */
    private int kept;

    private long keptAddress;

    private long address;
    private long size;
    private long usable;
    /** The state's index: a step in a span writes no more than it must. */
    private int state;

    AtBlock(HeapMap map, Reader reader) {
        this.reader = reader;
        take(map);
    }

    final void take(HeapMap newMap) {
        map = newMap;
        leave();
    }

    final void leave() {
        span = NONE;
        objects = 0;
        object = 0;
    }

    /** What there is to say about a span that a walk comes to. */
    enum Opened {
        /** It has blocks, of which none is chosen. */
        GOOD,
        /** It is between two states. */
        FLUX,
        /** What describes it can't be read. */
        UNREADABLE,
        /** It is no more what it was. */
        CHANGED,
        /** Its list of free objects has others than it counts, or leads out of it. */
        MISCOUNTED
    }

    /** Goes to a span. If it is good, an object is to be chosen next. */
    final Opened open(int index) {
        SpanTable table = map.table();
        span = index;
        object = NONE;
        objects = 0;
        first = table.starts[index];
        switch (table.kinds[index]) {
            case SMALL -> {
                return openSmall(table, index);
            }
            case FLUX -> {
                return Opened.FLUX;
            }
            default -> {
                objects = 1;
                return Opened.GOOD;
            }
        }
    }

    private Opened openSmall(SpanTable table, int index) {
        long at = table.spans[index];
        long offset = reader.find(at, Span.SIZE);
        if (offset < 0) {
            return Opened.UNREADABLE;
        }
        view.wrap(reader.segment(), offset, at);
        int pageShift = map.shape().pageShift();
        if (view.start() << pageShift != first
                || view.length() << pageShift != table.sizes[index]
                || view.sizeclass() != table.classes[index]
                || view.location() != Span.IN_USE) {
            return Opened.CHANGED;
        }
        objectSize = map.classes().size(table.classes[index]);
        int count = (int) (table.sizes[index] / objectSize);
        int expected = count - view.refcount();
        long next = view.objects();
        for (int i = 0; i <= count - 1 >>> 6; i++) {
            free[i] = 0;
        }
        for (int i = 0; i < expected; i++) {
            long distance = next - first;
            int one = (int) (distance / objectSize);
            if (distance < 0
                    || distance >= count * objectSize
                    || one * objectSize != distance
                    || (free[one >>> 6] >>> one & 1) != 0) {
                return Opened.MISCOUNTED;
            }
            free[one >>> 6] |= 1L << one;
            next = reader.readLong(next, NONE);
        }
        if (next != 0 || expected < 0) {
            return Opened.MISCOUNTED;
        }
        objects = count;
        size = objectSize;
        usable = objectSize;
        kept = map.kept().from(first);
        keptAddress = map.kept().address(kept);
        return Opened.GOOD;
    }

    /** Goes to an object of a span that was opened; one that lies behind the one before. */
    final void objectOfSpan(int index) {
        object = index;
        long at = first + index * objectSize;
        address = at;
        // Free ones and used ones alternate at random: the bit is the index of USED or FREE, without a branch.
        state = (int) (free[index >>> 6] >>> index & 1);
        if (keptAddress <= at) {
            handedOut(at);
        }
    }

    /** One that looks handed out may be kept. */
    private void handedOut(long at) {
        while (keptAddress < at) {
            keptAddress = map.kept().address(++kept);
        }
        if (keptAddress == at && state == USED) {
            state = map.kept().owner(kept) == KeptBlocks.ALLOCATOR ? TRANSFER : TCACHE;
        }
    }

    /** Goes to the one block of a span that has no objects of one size. */
    final void whole() {
        SpanTable table = map.table();
        object = 0;
        address = first;
        size = table.sizes[span];
        usable = table.usables[span];
        TcmallocState whole = switch (table.kinds[span]) {
            case NORMAL -> TcmallocState.NORMAL;
            case RETURNED -> TcmallocState.RETURNED;
            case META -> TcmallocState.METADATA;
            default -> TcmallocState.USED;
        };
        state = whole.ordinal();
    }

    final boolean small() {
        return map.table().kinds[span] == SpanTable.Kind.SMALL;
    }

    /** The object of an opened span that an address lies in, -1 if it lies behind the last one. */
    final int objectAt(long target) {
        long index = (target - first) / objectSize;
        return index < objects ? (int) index : NONE;
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
     * {@inheritDoc} A block without a size class has whole pages.
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
        return map.table().kinds[span] == SpanTable.Kind.META ? NONE : 0;
    }

    @Override
    public final boolean ownMapping() {
        return false;
    }

    /**
     * What the block is held for, in tcmalloc's own terms.
     *
     * @return the state
     */
    public final TcmallocState tcmallocState() {
        return STATES[state];
    }

    /**
     * The number of the block's size class.
     *
     * @return the number, 0 for what has none
     */
    public final int sizeClass() {
        return map.table().classes[span];
    }

    /**
     * Whether tcmalloc has sampled the block: it has a span for itself, and a stack trace of where it was allocated.
     *
     * @return whether it was sampled
     */
    public final boolean sampled() {
        return map.table().kinds[span] == SpanTable.Kind.SAMPLED;
    }

    /**
     * The span that the block lies in.
     *
     * @return target address of its {@link Span}, 0 for tcmalloc's own memory, which has none
     */
    public final long span() {
        return map.table().spans[span];
    }
}
