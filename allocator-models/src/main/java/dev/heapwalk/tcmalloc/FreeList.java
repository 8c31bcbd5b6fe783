// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.memory.struct.StructView;
import dev.heapwalk.tcmalloc.layout.TcmallocLayout;
import java.lang.foreign.MemorySegment;

/** View of a thread's list of free blocks of one size class. C name {@code tcmalloc::ThreadCache::FreeList}. */
public final class FreeList extends StructView {
    /** The size of the structure in bytes. */
    public static final int SIZE = TcmallocLayout.FREE_LIST_SIZE;

    private static final long LIST = 0;
    private static final long LENGTH = 8;
    private static final long MAX_LENGTH = 16;
    private static final long OBJECT_SIZE = 24;

    /** Makes a view that lies over nothing yet. */
    public FreeList() {}

    /**
     * Lays the view over a structure.
     *
     * @param segment local memory that holds it
     * @param offset where in that memory it begins
     * @param address where in the target it begins
     * @return this
     */
    public FreeList wrap(MemorySegment segment, long offset, long address) {
        lay(segment, offset, address, SIZE);
        return this;
    }

    /**
     * {@code list_}.
     *
     * @return target address of the first block, whose first word is the address of the next; 0 if there is none
     */
    public long list() {
        return longAt(LIST);
    }

    /**
     * {@code length_}.
     *
     * @return how many blocks it has
     */
    public int length() {
        return intAt(LENGTH);
    }

    /**
     * {@code max_length_}.
     *
     * @return with how many blocks some are given to the central cache
     */
    public int maxLength() {
        return intAt(MAX_LENGTH);
    }

    /**
     * {@code size_}.
     *
     * @return the size of a block in bytes
     */
    public int objectSize() {
        return intAt(OBJECT_SIZE);
    }

    @Override
    protected String describeFields() {
        return "%d blocks of %d bytes".formatted(length(), objectSize());
    }
}
