// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.allocator.SpanCursor;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import java.util.Arrays;
import java.util.OptionalLong;

/**
 * Walks every block in address order: blocks of pages, what was never handed out of them, slices that no page has, and
 * the memory that mimalloc keeps its own structures in. A flyweight that allocates nothing for a block. A page whose
 * lists contradict its counts is left out as a whole. What the program has of a block may begin inside: one that must be
 * aligned is a larger one.
 */
@SuppressWarnings("exports")
public final class MimallocCursor extends SpanCursor<MimallocHeap> {
    /** No structure of mimalloc's own is larger, in bytes. */
    private static final long LARGEST_OWN = 1 << 16;

    /** So often a page is read that changes meanwhile. */
    private static final int MOST_LOOKS = 4;

    private static final int USED = MimallocState.USED.ordinal();
    private static final int UNUSED = MimallocState.UNUSED.ordinal();
    private static final int METADATA = MimallocState.METADATA.ordinal();

    private MimallocHeap heap;
    private HeapMap map;
    private MiPage view;
    private PageShape shape;
    private PageBlocks marks;

    /** How many blocks the page has handed out so far. What it has before them and behind them are blocks too. */
    private int capacity;
    /** How many blocks come before those: 1 if there is something, or 0. */
    private int heads;

    /** Whether mimalloc has the page for itself. */
    private boolean own;

    /** What the block of a span is held for that is no page, -1 for a page. */
    private int whole;

    /**
     * Makes a cursor before the first block.
     *
     * @param region the heap of a thread whose blocks are walked, negative for all
     */
    MimallocCursor(MimallocHeap heap, int region) {
        super(
                MimallocHeap.class,
                heap.target(),
                reader(heap.target()),
                heap.map().table(),
                MimallocState.STATES);
        walk(heap, region);
    }

    @Override
    protected PageTable take(MimallocHeap other) {
        heap = other;
        if (map == null || map.layout() != other.layout()) {
            view = new MiPage(other.layout().page());
            shape = new PageShape(other.layout());
            marks = new PageBlocks(reader, other.layout().page());
        }
        map = other.map();
        return map.table();
    }

    /**
     * Goes before the first block of a page, so that one cursor can walk page after page.
     *
     * @param page its number, from 0 to {@link MimallocHeap#pageCount()}
     * @throws IndexOutOfBoundsException if there is no such page
     */
    public void toPage(int page) {
        walkSpan(heap.entryOf(page));
    }

    @Override
    public boolean next() {
        return (step() || nextSpan()) && look();
    }

    @Override
    protected Opened open(int index) {
        PageTable table = map.table();
        whole = switch (table.kinds[index]) {
            case PAGE, HARMED -> NONE;
            case SLICES -> MimallocState.SLICES.ordinal();
            case ARENA -> MimallocState.ARENA.ordinal();
            case METADATA -> METADATA;
        };
        if (whole >= 0) {
            capacity = 0;
            heads = 0;
            return good(table.starts[index], table.sizes[index], 1);
        }
        return table.kinds[index] == PageTable.Kind.HARMED ? Opened.FLUX : openPage(table, index);
    }

    private Opened openPage(PageTable table, int index) {
        Opened opened = readPage(table, index);
        for (int i = 1; opened != Opened.GOOD && !heap.target().still() && i < MOST_LOOKS; i++) {
            opened = readPage(table, index);
        }
        return opened;
    }

    private Opened readPage(PageTable table, int index) {
        if (!heap.target().still()) {
            // All of a page is to be of one moment.
            reader.forget();
        }
        if (!view.find(reader, table.structures[index])) {
            return Opened.UNREADABLE;
        }
        long start = table.firsts[index];
        long end = table.end(index);
        if (!shape.of(view, table.starts[index], end)
                || shape.start() != start
                || shape.blockSize() != table.blockSizes[index]) {
            return Opened.CHANGED;
        }
        int count = view.capacity();
        Opened answer = marks.read(view, start, shape.blockSize());
        if (answer != Opened.GOOD) {
            return answer;
        }
        capacity = count;
        own = table.heaps[index] < 0;
        long behind = start + count * shape.blockSize();
        delayed(start, behind);
        heads = start > table.starts[index] ? 1 : 0;
        return good(start, shape.blockSize(), heads + count + (behind < end ? 1 : 0));
    }

    private void delayed(long start, long behind) {
        long[] all = map.delayed();
        int next = Arrays.binarySearch(all, start);
        if (next < 0) {
            next = -next - 1;
        }
        for (; all[next] < behind; next++) {
            marks.delayed(all[next]);
        }
    }

    @Override
    protected int blockAt(long wanted) {
        return wanted < first || whole >= 0 ? 0 : heads + (int) Math.min(capacity, (wanted - first) / stride);
    }

    @Override
    protected boolean look() {
        int index = block() - heads;
        if (Integer.compareUnsigned(index, capacity) >= 0) {
            beside(index);
            return true;
        }
        address = first + index * stride;
        size = stride;
        state = marks.mark(index);
        if (own && state == USED && pointsToItself()) {
            state = METADATA;
        }
        return true;
    }

    /** Goes to what lies before or behind the blocks of a page, or to all of what is no page. */
    private void beside(int index) {
        PageTable table = map.table();
        if (whole >= 0) {
            address = first;
            size = stride;
            state = whole;
        } else if (index < 0) {
            address = table.starts[span];
            size = first - address;
            state = METADATA;
        } else {
            address = first + index * stride;
            size = table.end(span) - address;
            state = UNUSED;
        }
    }

    /**
     * Whether a block of a page that mimalloc has for itself is its own: each of its structures says where it was
     * allocated. It may have taken the page over from a thread that ended, with blocks of the program in it.
     */
    private boolean pointsToItself() {
        if (size > LARGEST_OWN) {
            return false;
        }
        long offset = reader.find(address, size);
        for (long at = 0; offset >= 0 && at + Long.BYTES <= size; at += Long.BYTES) {
            if (reader.segment().get(Words.LONG, offset + at) == address) {
                return true;
            }
        }
        return false;
    }

    @Override
    protected String describe(int index) {
        return "the page at 0x%x".formatted(map.table().starts[index]);
    }

    /**
     * {@inheritDoc} A build that pads blocks knows how many bytes were asked for, and lets the program use no more.
     */
    @Override
    public long usableSize() {
        if (!map.layout().page().padded() || state != USED) {
            return size;
        }
        long most = size - MimallocLayout.PADDING;
        long less = reader.readInt(address + size - Integer.BYTES, -1);
        return less < 0 || less > most ? most : most - less;
    }

    /**
     * What the block is held for, in mimalloc's own terms.
     *
     * @return the state
     */
    public MimallocState mimallocState() {
        return MimallocState.STATES.own(state);
    }

    /**
     * The structure of the page that the block lies in.
     *
     * @return target address of its {@link MiPage}; for what lies in no page that of the segment or the arena
     */
    public long miPage() {
        return map.table().structures[span];
    }

    /**
     * The tag of the page that the block lies in: see {@link MiPage#tag()}.
     *
     * @return the tag, 0 for what has none
     */
    @Override
    public int tag() {
        return map.table().tags[span] & 0xff;
    }

    /**
     * The thread whose heap the block lies in.
     *
     * @return the thread's id; empty for what lies in no page, in one whose thread ended, or if it is not known
     */
    public OptionalLong thread() {
        return region() < 0 ? OptionalLong.empty() : heap.thread(region());
    }
}
