// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.allocator.SpanCursor;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.raw.RawMemory;
import dev.heapwalk.musl.layout.MallocngLayout;

/**
 * Walks every block in address order: slots of groups, in use or free, and areas of metas. A slot that has another group
 * is no block: those of that group are told in its place. A flyweight that allocates nothing for a block.
 *
 * <p>A slot whose header contradicts its group is left out, and so is a group that is no more what it was.
 */
@SuppressWarnings("exports")
public final class MuslCursor extends SpanCursor<MuslHeap> {
    private static final int USED = MuslState.USED.ordinal();
    private static final int FREE = MuslState.FREE.ordinal();
    private static final int METADATA = MuslState.METADATA.ordinal();
    private static final int UNIT = MallocngLayout.UNIT;
    private static final int HEADER = MallocngLayout.HEADER;

    // What the header of a block has, from the lowest bit of a word of 32 on: a byte that is 0 unless the block lies
    // far behind the first slot, the index of the slot, what is reserved behind the block, and how far it lies behind
    // the first slot, in units.
    private static final int INDEX = 8;
    private static final int INDEX_BITS = 31;
    private static final int RESERVED = 13;
    private static final int RESERVED_BITS = 7;
    private static final int DISTANCE = 16;
    private static final int FAR = 1 << 16;

    // What is reserved: so many bytes up to 4, or one of these.
    /** How many is told by the last word of the slot. */
    private static final int TOLD_BEHIND = 5;
    /** The slot has another group. */
    private static final int HAS_GROUP = 6;
    /** The block lies further behind in its slot, and this says where. */
    private static final int ELSEWHERE = 7;

    /** A group that is no longer is read at once. */
    private static final long SHORT = 1 << 14;

    /** What a cursor keeps of metas, and as much of groups, in bytes. */
    private static final long BUDGET = 4L << 20;

    private GroupTable table;
    /** Metas lie far from their groups: a reader for both would take each for a jump. */
    private final Reader metas;

    private final Meta meta = new Meta();

    // What of the group is at hand, until something else is read: from one target address to another.
    private long heldFrom;
    private long heldTo;
    /** What is to be added to a target address to have the local one. */
    private long toLocal;

    private long group;
    /** The index in the group of the first slot. */
    private int firstSlot;
    /** A bit for each slot that is free, from that one on. */
    private long free;

    private String harm = "";

    /**
     * Makes a cursor before the first block.
     *
     * @param region the region whose blocks are walked, negative for all
     */
    MuslCursor(MuslHeap heap, int region) {
        super(MuslHeap.class, heap.target(), heap.target().memory().reader(BUDGET), heap.table(), MuslState.STATES);
        this.metas = reader(heap.target());
        walk(heap, region);
    }

    @Override
    protected GroupTable take(MuslHeap heap) {
        table = heap.table();
        return table;
    }

    @Override
    protected void forget() {
        super.forget();
        metas.forget();
    }

    @Override
    protected void release() {
        super.release();
        metas.close();
    }

    @Override
    public boolean next() {
        while (step() || nextSpan()) {
            if (look()) {
                if (!ends()) {
                    tell(address, size, "is followed by a byte that is not 0, so the program wrote behind it");
                }
                return true;
            }
            leaveOut(harm);
        }
        return false;
    }

    @Override
    protected Opened open(int index) {
        group = table.groups[index];
        size = table.strides[index];
        firstSlot = table.firsts[index];
        heldTo = 0;
        if (table.isArea(index)) {
            return good(table.starts[index], size, 1);
        }
        long at = table.structures[index];
        long offset = metas.find(at, Meta.SIZE);
        if (offset < 0) {
            return Opened.UNREADABLE;
        }
        meta.wrap(metas.segment(), offset, at);
        int avail = meta.availMask();
        int freed = meta.freedMask();
        if (meta.mem() != group || meta.bits() != table.bits[index]) {
            return Opened.CHANGED;
        }
        if ((avail & freed) != 0 || ((avail | freed) & ~Groups.allSlots(meta.lastIdx())) != 0) {
            return Opened.BROKEN;
        }
        if (reader.readLong(group + MallocngLayout.GROUP_META, 0) != at) {
            return Opened.CHANGED;
        }
        free = Integer.toUnsignedLong(avail | freed) >>> firstSlot;
        long from = table.starts[index];
        long length = table.sizes[index] + HEADER;
        long found = length <= SHORT ? reader.find(from, length) : -1;
        if (found >= 0) {
            heldFrom = from;
            heldTo = from + length;
            toLocal = reader.segment().address() + found - from;
        }
        return good(from, size, (int) (table.sizes[index] / size));
    }

    /** The local address of a word of 64 bits, 0 if it can't be read. */
    private long local(long at) {
        if (at >= heldFrom && at + Long.BYTES <= heldTo) {
            return at + toLocal;
        }
        heldTo = 0;
        long found = reader.find(at, Long.BYTES);
        return found < 0 ? 0 : reader.segment().address() + found;
    }

    /** The word of 32 bits at an address, behind which there are as many; -1, which no header is, if it can't be read. */
    private int word(long at) {
        long local = local(at);
        return local == 0 ? -1 : (int) RawMemory.word(local);
    }

    @Override
    protected boolean look() {
        if (group == 0) {
            address = first;
            usable = size;
            state = METADATA;
            return true;
        }
        int index = firstSlot + block();
        // The header of a block lies before it.
        long start = first + HEADER + block() * size;
        long local = local(start - HEADER);
        if (local == 0) {
            return refuse("has a header that can't be read");
        }
        int header = (int) RawMemory.word(local);
        if ((free >>> block() & 1) != 0) {
            address = start;
            usable = size - HEADER;
            state = FREE;
            return !isInUse(header, index, start) || refuse("is free, but has the header of a block in use");
        }
        return used(header, index, start);
    }

    /** Whether a slot has a block by its header. A block that was freed has a mark in it. */
    private boolean isInUse(int header, int index, long start) {
        if (reserved(header) != ELSEWHERE) {
            return isBlock(header, index, start);
        }
        long at = elsewhere(header >>> DISTANCE, index, start, start + size - HEADER);
        return at != 0 && isBlock(word(at - HEADER), index, at);
    }

    private boolean isBlock(int header, int index, long at) {
        return index(header) == index && reserved(header) < HAS_GROUP && isDistance(header, at);
    }

    /** Whether a header says how far its block lies behind the first slot. */
    private boolean isDistance(int header, long at) {
        long units = (at - group - MallocngLayout.STORAGE) / UNIT;
        return (header & 0xff) == 0
                ? header >>> DISTANCE == units
                : header >>> DISTANCE == 0 && units >= FAR && Integer.toUnsignedLong(word(at - 2 * HEADER)) == units;
    }

    private static int index(int header) {
        return header >>> INDEX & INDEX_BITS;
    }

    private static int reserved(int header) {
        return header >>> RESERVED & RESERVED_BITS;
    }

    private boolean used(int slotHeader, int index, long start) {
        long end = start + size - HEADER;
        long at = start;
        int header = slotHeader;
        if (reserved(slotHeader) == ELSEWHERE) {
            at = elsewhere(slotHeader >>> DISTANCE, index, start, end);
            if (at == 0) {
                return refuse("is in use, but its header is that of a free one");
            }
            header = word(at - HEADER);
        }
        if (!isBlock(header, index, at)) {
            return refuse("has a header that belongs to no block there");
        }
        long reserved = reserved(header);
        if (reserved == TOLD_BEHIND) {
            long local = local(end - Long.BYTES);
            if (local == 0) {
                return refuse("has an end that can't be read");
            }
            long word = RawMemory.word(local);
            reserved = word >>> Integer.SIZE;
            if (reserved < TOLD_BEHIND || (word >>> Integer.SIZE - Byte.SIZE & 0xff) != 0) {
                return refuse("does not end as its header says");
            }
        }
        if (reserved > end - at) {
            return refuse("ends before it begins");
        }
        address = at;
        usable = end - reserved - at;
        state = USED;
        return true;
    }

    /** Where a block lies that does not begin where its slot does, 0 if there is none. */
    private long elsewhere(int distance, int index, long start, long end) {
        // So far behind, 16 bits are too few: several places are possible, and the header is of another kind.
        for (long units = distance + FAR; start + units * UNIT < end; units += FAR) {
            long at = start + units * UNIT;
            if (isBlock(word(at - HEADER), index, at)) {
                return at;
            }
        }
        long at = start + (long) distance * UNIT;
        return distance > 0 && at < end ? at : 0;
    }

    private boolean refuse(String why) {
        harm = why;
        return false;
    }

    /** Whether the byte behind the block is as musl left it. It looks there when the block is freed. */
    private boolean ends() {
        long local = state == USED ? local(address + usable - HEADER) : 0;
        return local == 0 || (RawMemory.word(local) >>> Integer.SIZE & 0xff) == 0;
    }

    @Override
    protected String describe(int index) {
        return "the group of %d bytes at 0x%x".formatted(table.sizes[index], table.groups[index]);
    }

    /**
     * {@inheritDoc} For a used block, just as many as were asked for: what a slot has more is none of the program's, as
     * musl's {@code malloc_usable_size} says too.
     */
    @Override
    public long usableSize() {
        return usable;
    }

    @Override
    public boolean ownMapping() {
        return group != 0 && table.sizes[span] == size && Groups.isOwnMapping(table.bits[span]);
    }

    /**
     * What the block is held for, in mallocng's own terms.
     *
     * @return the state
     */
    public MuslState muslState() {
        return MuslState.STATES.own(state);
    }

    /**
     * The number of the block's size class.
     *
     * @return the number, from 0 to 47; 63 for a block that has a mapping to itself, -1 for mallocng's own memory
     */
    public int sizeClass() {
        return group == 0 ? NONE : Groups.sizeClass(table.bits[span]);
    }

    /**
     * The group that the block lies in.
     *
     * @return target address of its {@link Group}, 0 for mallocng's own memory
     */
    public long group() {
        return group;
    }

    /**
     * The structure that describes the group.
     *
     * @return target address of its {@link Meta}; of mallocng's own memory that of a {@link MetaArea}
     */
    public long meta() {
        return table.structures[span];
    }

    /**
     * The number of the block's slot in its group.
     *
     * @return the number, from 0 on
     */
    public int slot() {
        return firstSlot + block();
    }
}
