// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.struct;

import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Checks;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A view of a C structure in target memory: a flyweight that is laid over one structure after the other and copies
 * nothing. It sees the memory of its window, so it is valid until the window moves.
 *
 * <p>Where {@code -ea} or {@code -Dheapwalk.check=true} has it checked, a view that its window has left tells so by an
 * {@link IllegalStateException}, and a field behind what was made readable by an {@link IndexOutOfBoundsException}.
 *
 * <p>A final subclass adds an accessor for each field; {@link Window#at} and {@link dev.heapwalk.memory.Reader#at} lay
 * it. One for a hot path may add {@code wrap(...)}, which returns itself, over memory that was made readable before.
 */
public abstract class StructView {
    /** What a copy takes at least, in bytes: enough for most structures, so that a view allocates once. */
    private static final int LEAST_COPY = 256;

    private static final MemorySegment NOTHING = MemorySegment.NULL.asSlice(0, 0);

    private MemorySegment segment = MemorySegment.NULL;
    private MemorySegment own = NOTHING;
    private long offset;
    private long address;
    private long length;
    /** What must go on to hold the structure, where that is checked and known; else null. */
    private Checks.Holder holder;
    /** What the holder said of its reads when it was laid. */
    private long reads;

    /** For subclasses. */
    protected StructView() {}

    /**
     * Lays this view over a structure that was made readable. {@link Window#at} does both.
     *
     * @param newSegment local memory that holds it
     * @param newOffset where in that memory it begins
     * @param newAddress where in the target it begins
     * @param newLength how much of it was made readable, in bytes; no field lies behind that
     */
    public final void lay(MemorySegment newSegment, long newOffset, long newAddress, long newLength) {
        this.segment = newSegment;
        this.offset = newOffset;
        this.address = newAddress;
        this.length = newLength;
        if (Checks.ON) {
            holder =
                    newSegment.isNative() ? Checks.laid(newSegment.address() + newOffset, newAddress, newLength) : null;
            reads = holder == null ? 0 : holder.reads(newSegment.address() + newOffset);
        }
        laid();
    }

    /**
     * Lays this view over a copy of a structure that was made readable. The view keeps the copy in memory of its own
     * until it is laid again, so that whatever is read meanwhile, it shows the same.
     *
     * @param from local memory that holds the structure
     * @param fromOffset where in that memory it begins
     * @param newAddress where in the target it begins
     * @param newLength how much of it to copy, in bytes; no field lies behind that
     */
    public final void keep(MemorySegment from, long fromOffset, long newAddress, long newLength) {
        if (own.byteSize() < newLength) {
            own = Arena.ofAuto().allocate(Math.max(newLength, LEAST_COPY), Long.BYTES);
        }
        MemorySegment.copy(from, fromOffset, own, 0, newLength);
        segment = own;
        offset = 0;
        address = newAddress;
        length = newLength;
        holder = null;
        laid();
    }

    /** Called when the view was laid over a structure: for one that keeps a field which is asked for all the time. */
    protected void laid() {}

    /**
     * How much of the structure the view may look at.
     *
     * @return bytes
     */
    public final long viewedBytes() {
        return length;
    }

    /**
     * Lays this view over what another lies over.
     *
     * @param other a view of the same structure, or of one that it begins with
     */
    protected final void lay(StructView other) {
        if (other.segment == other.own) {
            // That one may be laid over something else, with the same memory.
            keep(other.segment, other.offset, other.address, other.length);
            return;
        }
        lay(other.segment, other.offset, other.address, other.length);
        reads = other.reads;
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
        if (Checks.ON) {
            check(at, Long.BYTES);
        }
        return segment.get(Words.LONG, offset + at);
    }

    /**
     * Reads a 32-bit field.
     *
     * @param at offset of the field in the structure
     * @return the field
     */
    protected final int intAt(long at) {
        if (Checks.ON) {
            check(at, Integer.BYTES);
        }
        return segment.get(Words.INT, offset + at);
    }

    /**
     * Reads a 16-bit field.
     *
     * @param at offset of the field in the structure
     * @return the field
     */
    protected final short shortAt(long at) {
        if (Checks.ON) {
            check(at, Short.BYTES);
        }
        return segment.get(Words.SHORT, offset + at);
    }

    /**
     * Reads an 8-bit field.
     *
     * @param at offset of the field in the structure
     * @return the field
     */
    protected final byte byteAt(long at) {
        if (Checks.ON) {
            check(at, Byte.BYTES);
        }
        return segment.get(Words.BYTE, offset + at);
    }

    /**
     * Tells what it lies over. Fields are told as far as they can be read: it never throws.
     *
     * @return for example {@code HeapInfo at 0x7f0012000000, arena 0x7f0012000030, 135168 bytes}
     */
    @Override
    public String toString() {
        String name = getClass().getSimpleName();
        if (length == 0) {
            return name + " over nothing";
        }
        String place = "%s at 0x%x".formatted(name, address);
        try {
            String fields = describeFields();
            return fields.isEmpty() ? place : place + ", " + fields;
        } catch (IllegalStateException | IndexOutOfBoundsException e) {
            return place + ", not readable any more";
        }
    }

    /**
     * The fields that {@link #toString()} tells. It may read any: what they throw is not passed on.
     *
     * @return text for people, empty if the place tells enough
     */
    protected String describeFields() {
        return "";
    }

    private void check(long at, int size) {
        if (at < 0 || at > length - size) {
            throw new IndexOutOfBoundsException("%s was laid over %d bytes at 0x%x, so it has no %d bytes at offset %d"
                    .formatted(getClass().getSimpleName(), length, address, size, at));
        }
        if (holder == null) {
            return;
        }
        long local = segment.address() + offset + at;
        // By the contract, not by whether a cache still has it: what a fault reads must not depend on chance.
        if (holder.reads(segment.address() + offset) != reads
                || holder.holds(local, address + at, size) == Checks.Answer.NO) {
            throw new IllegalStateException(
                    "%s was laid over 0x%x, which its window has left: something else was read since"
                            .formatted(getClass().getSimpleName(), address));
        }
    }
}
