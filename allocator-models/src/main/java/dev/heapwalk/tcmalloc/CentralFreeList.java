// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.memory.struct.StructView;
import dev.heapwalk.tcmalloc.layout.TcmallocLayout;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * View of what the central cache has of one size class, and of the chains of blocks that threads pass to each other by
 * it. C name {@code tcmalloc::CentralFreeList}.
 */
public final class CentralFreeList extends StructView {
    /** The size of the structure in bytes. */
    public static final int SIZE = TcmallocLayout.CENTRAL_FREE_LIST_SIZE;
    /** How many chains the transfer cache may have of a size class. */
    public static final int MOST_SLOTS = 64;

    private static final long SIZE_CLASS = TcmallocLayout.CENTRAL_SIZE_CLASS;
    private static final long NUM_SPANS = 112;
    private static final long COUNTER = 120;
    private static final long TC_SLOTS = 128;
    private static final long SLOT_SIZE = 16;
    private static final long USED_SLOTS = 1152;

    /** Makes a view that lies over nothing yet. */
    public CentralFreeList() {}

    /**
     * Lays the view over a structure.
     *
     * @param segment local memory that holds it
     * @param offset where in that memory it begins
     * @param address where in the target it begins
     * @return this
     */
    public CentralFreeList wrap(MemorySegment segment, long offset, long address) {
        lay(segment, offset, address, SIZE);
        return this;
    }

    /**
     * {@code size_class_}.
     *
     * @return the number of the size class
     */
    public long sizeClass() {
        return longAt(SIZE_CLASS);
    }

    /**
     * {@code num_spans_}.
     *
     * @return how many spans have blocks of the class
     */
    public long numSpans() {
        return longAt(NUM_SPANS);
    }

    /**
     * {@code counter_}.
     *
     * @return how many free blocks the spans have
     */
    public long counter() {
        return longAt(COUNTER);
    }

    /**
     * {@code used_slots_}.
     *
     * @return how many chains the transfer cache has
     */
    public int usedSlots() {
        return intAt(USED_SLOTS);
    }

    /**
     * {@code tc_slots_[slot].head}.
     *
     * @param slot the number of a chain
     * @return target address of its first block
     */
    public long head(int slot) {
        return longAt(TC_SLOTS + SLOT_SIZE * Objects.checkIndex(slot, MOST_SLOTS));
    }

    /**
     * {@code tc_slots_[slot].tail}.
     *
     * @param slot the number of a chain
     * @return target address of its last block
     */
    public long tail(int slot) {
        return longAt(TC_SLOTS + SLOT_SIZE * Objects.checkIndex(slot, MOST_SLOTS) + Long.BYTES);
    }

    @Override
    protected String describeFields() {
        return "size class %d, %d free in %d spans, %d chains"
                .formatted(sizeClass(), counter(), numSpans(), usedSlots());
    }
}
