// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.memory.struct.StructView;
import dev.heapwalk.musl.layout.MallocngLayout;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** View of the structure that has all of a heap. C name {@code struct malloc_context}, {@code __malloc_context}. */
public final class MallocContext extends StructView {
    /** Makes a view that lies over nothing yet. */
    MallocContext() {}

    /**
     * Lays the view over a structure.
     *
     * @param segment local memory that holds it
     * @param offset where in that memory it begins
     * @param address where in the target it begins
     * @return this
     */
    public MallocContext wrap(MemorySegment segment, long offset, long address) {
        lay(segment, offset, address, MallocngLayout.CONTEXT_SIZE);
        return this;
    }

    /**
     * {@code secret}.
     *
     * @return a random number, which each area of metas begins with
     */
    public long secret() {
        return longAt(MallocngLayout.SECRET);
    }

    /**
     * {@code init_done}.
     *
     * @return 1 as soon as something was allocated
     */
    public int initDone() {
        return intAt(MallocngLayout.INIT_DONE);
    }

    /**
     * {@code meta_area_head}.
     *
     * @return target address of the first {@link MetaArea}
     */
    public long metaAreaHead() {
        return longAt(MallocngLayout.AREA_HEAD);
    }

    /**
     * {@code meta_area_tail}.
     *
     * @return target address of the last {@link MetaArea}
     */
    public long metaAreaTail() {
        return longAt(MallocngLayout.AREA_TAIL);
    }

    /**
     * {@code active}.
     *
     * @param sizeClass the number of a size class, from 0 to 47
     * @return target address of the {@link Meta} whose group the next slot is taken from, 0 if there is none
     */
    public long active(int sizeClass) {
        return longAt(
                MallocngLayout.ACTIVE + (long) Long.BYTES * Objects.checkIndex(sizeClass, MallocngLayout.CLASSES));
    }

    /**
     * {@code usage_by_class}.
     *
     * @param sizeClass the number of a size class, from 0 to 47
     * @return how many slots its groups have, free or not, but for memory that was donated
     */
    public long usageByClass(int sizeClass) {
        return longAt(MallocngLayout.USAGE_BY_CLASS
                + (long) Long.BYTES * Objects.checkIndex(sizeClass, MallocngLayout.CLASSES));
    }

    @Override
    protected String describeFields() {
        return "areas from 0x%x to 0x%x".formatted(metaAreaHead(), metaAreaTail());
    }
}
