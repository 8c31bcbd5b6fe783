// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.memory.struct.StructView;
import dev.heapwalk.musl.layout.MallocngLayout;
import java.lang.foreign.MemorySegment;

/** View of a page of metas: of what stands before them. C name {@code struct meta_area}. */
public final class MetaArea extends StructView {
    /** How much of it is before the first {@link Meta}, in bytes. */
    public static final int SIZE = (int) MallocngLayout.SLOTS;

    /** Makes a view that lies over nothing yet. */
    public MetaArea() {}

    /**
     * Lays the view over a structure.
     *
     * @param segment local memory that holds it
     * @param offset where in that memory it begins
     * @param address where in the target it begins
     * @return this
     */
    public MetaArea wrap(MemorySegment segment, long offset, long address) {
        lay(segment, offset, address, SIZE);
        return this;
    }

    /**
     * {@code check}.
     *
     * @return {@link MallocContext#secret()}
     */
    public long check() {
        return longAt(MallocngLayout.CHECK);
    }

    /**
     * {@code next}.
     *
     * @return target address of the next area, 0 if this is the last one
     */
    public long next() {
        return longAt(MallocngLayout.AREA_NEXT);
    }

    /**
     * {@code nslots}.
     *
     * @return how many metas it has
     */
    public int nslots() {
        return intAt(MallocngLayout.NSLOTS);
    }

    @Override
    protected String describeFields() {
        return "%d metas".formatted(nslots());
    }
}
