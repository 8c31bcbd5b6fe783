// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.allocator.AtSpan;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.musl.layout.MallocngLayout;
import java.lang.foreign.MemorySegment;

/** What a walk and a look-up have in common: they are at a slot of a group, or at an area of metas. */
abstract class AtSlot extends AtSpan {
    private static final int MOST_SLOTS = 32;
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

    private GroupTable table;
    /** Metas lie far from their groups: a reader for both would take each for a jump. */
    private final Reader metas;

    private final Meta meta = new Meta();

    // What of the group is at hand, until something else is read: from one target address to another.
    private MemorySegment held = MemorySegment.NULL;
    private long heldFrom;
    private long heldTo;
    /** What is to be added to a target address to have its place in the segment. */
    private long heldOffset;

    private long group;
    private int first;
    private long stride;

    private long address;
    private long usable;
    private MuslState state = MuslState.USED;
    private String harm = "";

    AtSlot(GroupTable table, Reader groups, Reader metas) {
        super(groups, MOST_SLOTS);
        this.table = table;
        this.metas = metas;
    }

    @Override
    protected final void forget() {
        super.forget();
        metas.forget();
    }

    @Override
    protected final void release() {
        super.release();
        metas.close();
    }

    /** Is at no block of other groups. */
    final void take(GroupTable other) {
        table = other;
        leave();
    }

    @Override
    protected final GroupTable table() {
        return table;
    }

    @Override
    protected final Opened open(int index) {
        group = table.groups[index];
        stride = table.strides[index];
        first = table.firsts[index];
        free[0] = 0;
        heldTo = 0;
        if (table.isArea(index)) {
            return Opened.GOOD;
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
            return Opened.MISCOUNTED;
        }
        if (reader.readLong(group + MallocngLayout.GROUP_META, 0) != at) {
            return Opened.CHANGED;
        }
        free[0] = Integer.toUnsignedLong(avail | freed) >>> first;
        long from = table.froms[index];
        long length = table.size(index) + HEADER;
        long found = length <= SHORT ? reader.find(from, length) : -1;
        if (found >= 0) {
            held = reader.segment();
            heldFrom = from;
            heldTo = from + length;
            heldOffset = found - from;
        }
        return Opened.GOOD;
    }

    /** The place of some bytes in {@link #held}, -1 if they can't be read. */
    private long find(long at, int length) {
        if (at >= heldFrom && at + length <= heldTo) {
            return at + heldOffset;
        }
        heldTo = 0;
        long found = reader.find(at, length);
        held = reader.segment();
        return found;
    }

    /** The word of 32 bits at an address; -1, which no header is, if it can't be read. */
    private int word(long at) {
        long found = find(at, HEADER);
        return found < 0 ? -1 : held.get(Words.INT, found);
    }

    @Override
    protected final boolean look() {
        if (group == 0) {
            address = table.froms[span];
            usable = stride;
            state = MuslState.METADATA;
            return true;
        }
        int index = first + block();
        long start = group + MallocngLayout.STORAGE + index * stride;
        long found = find(start - HEADER, HEADER);
        if (found < 0) {
            return refuse("has a header that can't be read");
        }
        int header = held.get(Words.INT, found);
        if (isFree()) {
            address = start;
            usable = stride - HEADER;
            state = MuslState.FREE;
            return !isInUse(header, index, start) || refuse("is free, but has the header of a block in use");
        }
        return used(header, index, start);
    }

    /** Whether a slot has a block by its header. A block that was freed has a mark in it. */
    private boolean isInUse(int header, int index, long start) {
        if (reserved(header) != ELSEWHERE) {
            return isBlock(header, index, start);
        }
        long at = elsewhere(header >>> DISTANCE, index, start, start + stride - HEADER);
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
        long end = start + stride - HEADER;
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
            long word = find(end - 8, 8);
            if (word < 0) {
                return refuse("has an end that can't be read");
            }
            reserved = Integer.toUnsignedLong(held.get(Words.INT, word + HEADER));
            if (reserved < TOLD_BEHIND || held.get(Words.BYTE, word + HEADER - 1) != 0) {
                return refuse("does not end as its header says");
            }
        }
        if (reserved > end - at) {
            return refuse("ends before it begins");
        }
        address = at;
        usable = end - reserved - at;
        state = MuslState.USED;
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
    final boolean ends() {
        long found = state == MuslState.USED ? find(address + usable, 1) : -1;
        return found < 0 || held.get(Words.BYTE, found) == 0;
    }

    @Override
    protected final String harm() {
        return harm;
    }

    @Override
    protected final int regionOf(int index) {
        return table.isArea(index) ? NONE : 0;
    }

    @Override
    protected final String describe(int index) {
        return "the group of %d bytes at 0x%x".formatted(table.size(index), table.groups[index]);
    }

    @Override
    public final long address() {
        return address;
    }

    /**
     * {@inheritDoc} That of its slot.
     */
    @Override
    public final long size() {
        return stride;
    }

    /**
     * {@inheritDoc} For a used block, just as many as were asked for: what a slot has more is none of the program's, as
     * musl's {@code malloc_usable_size} says too.
     */
    @Override
    public final long usableSize() {
        return usable;
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
        return state == MuslState.METADATA ? NONE : 0;
    }

    @Override
    public final boolean ownMapping() {
        return group != 0 && table.blocks[span] == 1 && Groups.isOwnMapping(table.bits[span]);
    }

    /**
     * What the block is held for, in mallocng's own terms.
     *
     * @return the state
     */
    public final MuslState muslState() {
        return state;
    }

    /**
     * The number of the block's size class.
     *
     * @return the number, from 0 to 47; 63 for a block that has a mapping to itself, -1 for mallocng's own memory
     */
    public final int sizeClass() {
        return group == 0 ? NONE : Groups.sizeClass(table.bits[span]);
    }

    /**
     * The group that the block lies in.
     *
     * @return target address of its {@link Group}, 0 for mallocng's own memory
     */
    public final long group() {
        return group;
    }

    /**
     * The structure that describes the group.
     *
     * @return target address of its {@link Meta}; of mallocng's own memory that of a {@link MetaArea}
     */
    public final long meta() {
        return table.structures[span];
    }

    /**
     * The number of the block's slot in its group.
     *
     * @return the number, from 0 on
     */
    public final int slot() {
        return first + block();
    }
}
