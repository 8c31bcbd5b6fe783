// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.memory.struct.StructView;
import dev.heapwalk.musl.layout.MallocngLayout;
import java.lang.foreign.MemorySegment;

/** View of what describes a group of slots. C name {@code struct meta}. */
public final class Meta extends StructView {
    /** The size of the structure in bytes. */
    public static final int SIZE = MallocngLayout.META_SIZE;

    private static final int LAST_IDX_BITS = 5;
    private static final int FREEABLE = LAST_IDX_BITS;
    private static final int SIZECLASS = FREEABLE + 1;
    private static final int SIZECLASS_BITS = 6;
    private static final int MAPLEN = SIZECLASS + SIZECLASS_BITS;

    /** Makes a view that lies over nothing yet. */
    public Meta() {}

    /**
     * Lays the view over a structure.
     *
     * @param segment local memory that holds it
     * @param offset where in that memory it begins
     * @param address where in the target it begins
     * @return this
     */
    public Meta wrap(MemorySegment segment, long offset, long address) {
        lay(segment, offset, address, SIZE);
        return this;
    }

    /**
     * {@code prev}.
     *
     * @return target address of the meta before it in its ring, 0 if it is in none
     */
    public long prev() {
        return longAt(MallocngLayout.PREV);
    }

    /**
     * {@code next}.
     *
     * @return target address of the next meta in its ring: of groups of a size class that have free slots, or of metas
     *     that describe nothing; 0 if it is in none
     */
    public long next() {
        return longAt(MallocngLayout.NEXT);
    }

    /**
     * {@code mem}.
     *
     * @return target address of its {@link Group}, 0 if it describes nothing
     */
    public long mem() {
        return longAt(MallocngLayout.MEM);
    }

    /**
     * {@code avail_mask}.
     *
     * @return a bit for each free slot that may be taken at once
     */
    public int availMask() {
        return intAt(MallocngLayout.AVAIL_MASK);
    }

    /**
     * {@code freed_mask}.
     *
     * @return a bit for each other free slot
     */
    public int freedMask() {
        return intAt(MallocngLayout.FREED_MASK);
    }

    /**
     * {@code last_idx}.
     *
     * @return the index of the last slot
     */
    public int lastIdx() {
        return (int) bits() & (1 << LAST_IDX_BITS) - 1;
    }

    /**
     * {@code freeable}.
     *
     * @return whether its memory may be given back: not so of what the dynamic linker found in the gaps of modules
     */
    public boolean freeable() {
        return (bits() >>> FREEABLE & 1) != 0;
    }

    /**
     * {@code sizeclass}.
     *
     * @return the number of the size class, from 0 to 47; 63 for a block that has a mapping to itself
     */
    public int sizeclass() {
        return (int) (bits() >>> SIZECLASS) & (1 << SIZECLASS_BITS) - 1;
    }

    /**
     * {@code maplen}.
     *
     * @return the size of its mapping by 4096 bytes, 0 if it has none: it lies in a slot of another group, or in a gap
     *     of a module
     */
    public long maplen() {
        return bits() >>> MAPLEN;
    }

    /** {@link #lastIdx()}, {@link #freeable()}, {@link #sizeclass()} and {@link #maplen()}. */
    long bits() {
        return longAt(MallocngLayout.BITS);
    }

    @Override
    protected String describeFields() {
        return "group at 0x%x, size class %d, last slot %d, free %08x"
                .formatted(mem(), sizeclass(), lastIdx(), availMask() | freedMask());
    }
}
