// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.BlockView;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import java.util.Arrays;
import java.util.OptionalLong;

/** What a walk and a look-up have in common: they are at a block. */
abstract class AtBlock implements BlockView {
    /** No structure of mimalloc's own is larger, in bytes. */
    private static final long LARGEST_OWN = 1 << 16;

    private static final MimallocState[] STATES = MimallocState.values();
    private static final int NONE = -1;
    /** What lies before the first block. */
    static final int HEAD = -1;
    /** So often a page is read that changes meanwhile. */
    private static final int MOST_LOOKS = 4;

    MimallocHeap heap;
    HeapMap map;
    final Reader reader;
    private MiPage view;
    private PageShape shape;
    private PageBlocks marks;

    /** The index of the entry, -1 before the first. */
    int entry = NONE;
    /** How many blocks the entry's page has handed out so far. */
    int blocks;
    /** Which of them this is; what was never handed out comes behind the last one. */
    int index;

    /** Whether mimalloc has the page for itself. */
    private boolean own;

    private long first;
    private long blockSize;
    private long end;

    private long address;
    private long size;
    private MimallocState state = MimallocState.USED;

    AtBlock(MimallocHeap heap, Reader reader) {
        this.reader = reader;
        take(heap);
    }

    final void take(MimallocHeap newHeap) {
        MimallocLayout before = map == null ? null : map.layout();
        heap = newHeap;
        map = newHeap.map();
        if (map.layout() != before) {
            view = new MiPage(map.layout().page());
            shape = new PageShape(map.layout());
            marks = new PageBlocks(reader, map.layout().page());
        }
        leave();
    }

    final void leave() {
        entry = NONE;
        blocks = 0;
        index = 0;
        end = 0;
    }

    /** What there is to say about an entry that a walk comes to. */
    enum Opened {
        /** It has blocks, of which none is chosen. */
        GOOD,
        /** It was harmed when the heap was located, or was changing. */
        HARMED,
        /** What describes it can't be read. */
        UNREADABLE,
        /** It is no more what it was. */
        CHANGED,
        /** Its lists of free blocks are broken. */
        BROKEN,
        /** Its lists have other blocks than it counts. */
        MISCOUNTED
    }

    /** Goes to an entry. If it is good, a block is to be chosen next. */
    final Opened open(int newEntry) {
        PageTable table = map.table();
        entry = newEntry;
        index = HEAD;
        blocks = 0;
        first = table.starts[newEntry];
        end = table.tos[newEntry];
        return switch (table.kinds[newEntry]) {
            case PAGE -> openPage(table, newEntry);
            case HARMED -> Opened.HARMED;
            default -> Opened.GOOD;
        };
    }

    private Opened openPage(PageTable table, int newEntry) {
        Opened opened = readPage(table, newEntry);
        for (int i = 1; opened != Opened.GOOD && !heap.target().still() && i < MOST_LOOKS; i++) {
            opened = readPage(table, newEntry);
        }
        return opened;
    }

    private Opened readPage(PageTable table, int newEntry) {
        if (!heap.target().still()) {
            // All of a page is to be of one moment.
            reader.forget();
        }
        if (!view.find(reader, table.pages[newEntry])) {
            return Opened.UNREADABLE;
        }
        if (!shape.of(view, table.froms[newEntry], end)
                || shape.start() != first
                || shape.blockSize() != table.sizes[newEntry]) {
            return Opened.CHANGED;
        }
        blockSize = shape.blockSize();
        int count = view.capacity();
        PageBlocks.Answer answer = marks.read(view, first, blockSize);
        if (answer != PageBlocks.Answer.GOOD) {
            return answer == PageBlocks.Answer.BROKEN ? Opened.BROKEN : Opened.MISCOUNTED;
        }
        blocks = count;
        own = table.heaps[newEntry] < 0;
        delayed();
        return Opened.GOOD;
    }

    private void delayed() {
        long[] all = map.delayed();
        int next = Arrays.binarySearch(all, first);
        if (next < 0) {
            next = -next - 1;
        }
        for (long behind = first + blocks * blockSize; all[next] < behind; next++) {
            marks.delayed(all[next]);
        }
    }

    final boolean page() {
        return map.table().kinds[entry] == PageTable.Kind.PAGE;
    }

    /** Whether a page has something before its first block. */
    final boolean hasHead() {
        return first > map.table().froms[entry];
    }

    /** Whether a page has something behind the blocks that it has handed out. */
    final boolean hasTail() {
        return entry >= 0 && page() && first + blocks * blockSize < end;
    }

    /** Goes to a block of a page that was opened. */
    final void block(int newIndex) {
        index = newIndex;
        address = first + newIndex * blockSize;
        size = blockSize;
        state = STATES[marks.mark(newIndex)];
        if (own && state == MimallocState.USED && pointsToItself()) {
            state = MimallocState.METADATA;
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

    /** Goes to what lies before the first block. */
    final void head() {
        index = HEAD;
        address = map.table().froms[entry];
        size = first - address;
        state = MimallocState.METADATA;
    }

    /** Goes to what was never handed out. */
    final void tail() {
        index = blocks;
        address = first + blocks * blockSize;
        size = end - address;
        state = MimallocState.UNUSED;
    }

    /** Goes to all of an entry that is no page. */
    final void whole() {
        index = blocks;
        address = first;
        size = end - first;
        state = switch (map.table().kinds[entry]) {
            case SLICES -> MimallocState.SLICES;
            case ARENA -> MimallocState.ARENA;
            default -> MimallocState.METADATA;
        };
    }

    /** Goes to what an opened page has at an address. */
    final void at(long target) {
        if (target < first) {
            head();
            return;
        }
        long found = (target - first) / blockSize;
        if (found < blocks) {
            block((int) found);
        } else {
            tail();
        }
    }

    /**
     * {@inheritDoc} What the program has may begin inside: a block that must be aligned is a larger one.
     */
    @Override
    public final long address() {
        return address;
    }

    @Override
    public final long size() {
        return size;
    }

    /**
     * {@inheritDoc} A build that pads blocks knows how many bytes were asked for, and lets the program use no more.
     */
    @Override
    public final long usableSize() {
        if (!map.layout().page().padded() || state != MimallocState.USED) {
            return size;
        }
        long most = size - MimallocLayout.PADDING;
        long less = reader.readInt(address + size - Integer.BYTES, -1);
        return less < 0 || less > most ? most : most - less;
    }

    @Override
    public final BlockState state() {
        return state.blockState();
    }

    @Override
    public final int nameIndex() {
        return state.ordinal();
    }

    @Override
    public final String name() {
        return state.name();
    }

    @Override
    public final int region() {
        return map.table().heaps[entry];
    }

    @Override
    public final boolean ownMapping() {
        return false;
    }

    /**
     * What the block is held for, in mimalloc's own terms.
     *
     * @return the state
     */
    public final MimallocState mimallocState() {
        return state;
    }

    /**
     * The structure of the page that the block lies in.
     *
     * @return target address of its {@link MiPage}; for what lies in no page that of the segment or the arena
     */
    public final long miPage() {
        return map.table().pages[entry];
    }

    /**
     * The tag of the page that the block lies in: see {@link MiPage#tag()}.
     *
     * @return the tag, 0 for what has none
     */
    @Override
    public final int tag() {
        return map.table().tags[entry] & 0xff;
    }

    /**
     * The thread whose heap the block lies in.
     *
     * @return the thread's id; empty for what lies in no page, in one whose thread ended, or if it is not known
     */
    public final OptionalLong thread() {
        return region() < 0 ? OptionalLong.empty() : heap.thread(region());
    }
}
