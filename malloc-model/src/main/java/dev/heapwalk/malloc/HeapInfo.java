// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.struct.StructView;
import java.lang.foreign.MemorySegment;

/**
 * View of the header of a thread arena's heap. C name {@code heap_info}; its first 32 bytes are the same in every
 * version.
 */
public final class HeapInfo extends StructView {
    /** Bytes that this view covers. */
    static final long SIZE = 32;

    /** Makes a view that lies nowhere yet. */
    public HeapInfo() {}

    /**
     * Lays the view over a structure.
     *
     * @param segment local memory that holds it
     * @param offset where in that memory it begins
     * @param address where in the target it begins
     * @return this
     */
    public HeapInfo wrap(MemorySegment segment, long offset, long address) {
        lay(segment, offset, address, SIZE);
        return this;
    }

    /**
     * {@code ar_ptr}.
     *
     * @return target address of the arena
     */
    public long arPtr() {
        return longAt(0);
    }

    /**
     * {@code prev}.
     *
     * @return target address of the arena's heap before this one, or 0
     */
    public long prev() {
        return longAt(8);
    }

    /**
     * {@code size}.
     *
     * @return bytes in use, with this header
     */
    public long size() {
        return longAt(16);
    }

    /**
     * {@code mprotect_size}.
     *
     * @return bytes that are readable and writable
     */
    public long mprotectSize() {
        return longAt(24);
    }

    @Override
    protected String describeFields() {
        return "arena 0x%x, %d bytes".formatted(arPtr(), size());
    }
}
