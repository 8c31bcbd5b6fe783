// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.memory.struct.StructView;
import dev.heapwalk.musl.layout.MallocngLayout;
import java.lang.foreign.MemorySegment;

/** View of what stands before the slots of a group. C name {@code struct group}. */
public final class Group extends StructView {
    /** How much of it is before the first slot, in bytes. */
    public static final int SIZE = (int) MallocngLayout.STORAGE;

    /** Makes a view that lies over nothing yet. */
    public Group() {}

    /**
     * Lays the view over a structure.
     *
     * @param segment local memory that holds it
     * @param offset where in that memory it begins
     * @param address where in the target it begins
     * @return this
     */
    public Group wrap(MemorySegment segment, long offset, long address) {
        lay(segment, offset, address, SIZE);
        return this;
    }

    /**
     * {@code meta}.
     *
     * @return target address of its {@link Meta}
     */
    public long meta() {
        return longAt(MallocngLayout.GROUP_META);
    }

    /**
     * {@code active_idx}.
     *
     * @return the index of the last slot that was ever handed out
     */
    public int activeIdx() {
        return byteAt(MallocngLayout.ACTIVE_IDX) & 31;
    }

    @Override
    protected String describeFields() {
        return "meta at 0x%x, %d slots active".formatted(meta(), activeIdx() + 1);
    }
}
