// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.struct;

import java.lang.foreign.MemorySegment;

/**
 * A view of a C structure in a window of target memory: a flyweight that is wrapped over one structure after the other
 * and copies nothing. It sees the memory of its window, so it is valid until the window moves.
 *
 * <p>A final subclass adds {@code wrap(...)}, which returns itself, and an accessor for each field.
 */
public abstract class StructView {
    private MemorySegment segment = MemorySegment.NULL;
    private long offset;
    private long address;

    /** For subclasses. */
    protected StructView() {}

    /**
     * Lays this view over a structure.
     *
     * @param newSegment local memory that holds it
     * @param newOffset where in that memory it begins
     * @param newAddress where in the target it begins
     */
    protected final void lay(MemorySegment newSegment, long newOffset, long newAddress) {
        this.segment = newSegment;
        this.offset = newOffset;
        this.address = newAddress;
    }

    /**
     * Where the structure begins in the target.
     *
     * @return a target address
     */
    public final long address() {
        return address;
    }

    /**
     * Reads a 64-bit field.
     *
     * @param at offset of the field in the structure
     * @return the field
     */
    protected final long longAt(long at) {
        return segment.get(Words.LONG, offset + at);
    }

    /**
     * Reads a 32-bit field.
     *
     * @param at offset of the field in the structure
     * @return the field
     */
    protected final int intAt(long at) {
        return segment.get(Words.INT, offset + at);
    }

    /**
     * Reads a 16-bit field.
     *
     * @param at offset of the field in the structure
     * @return the field
     */
    protected final short shortAt(long at) {
        return segment.get(Words.SHORT, offset + at);
    }

    /**
     * Reads an 8-bit field.
     *
     * @param at offset of the field in the structure
     * @return the field
     */
    protected final byte byteAt(long at) {
        return segment.get(Words.BYTE, offset + at);
    }
}
