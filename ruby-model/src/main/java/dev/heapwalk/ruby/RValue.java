// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.struct.StructView;
import dev.heapwalk.ruby.layout.Flags;
import java.lang.foreign.MemorySegment;

/**
 * A slot and what all objects have in common. C name {@code struct RBasic}. A view over the memory of a window, valid
 * until the window moves.
 */
public class RValue extends StructView {
    /** {@code klass}, behind the flags. */
    static final int KLASS = 8;

    private final ObjectReader reader;
    private final Reader memory;
    private int slotSize;
    private long flags;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RValue(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
    }

    final RValue wrap(MemorySegment segment, long offset, long address, int size) {
        lay(segment, offset, address, size);
        return this;
    }

    @Override
    protected final void laid() {
        slotSize = (int) viewedBytes();
        flags = longAt(0);
    }

    /**
     * Lays another view over the same slot.
     *
     * @param view a view of the same reader
     * @param <T> the type of the view
     * @return that view
     */
    public final <T extends RValue> T as(T view) {
        ((RValue) view).lay(this);
        return view;
    }

    /**
     * Tells what it lies over.
     *
     * @return for example {@code T_STRING at 0x7f0012345678, 40 bytes}
     */
    @Override
    public final String toString() {
        return slotSize == 0 ? "over nothing" : "%s at 0x%x, %d bytes".formatted(type().label(), address(), slotSize);
    }

    /**
     * What follows the object's pointers.
     *
     * @return the reader, whose window may be the one that this view lies over
     */
    public final ObjectReader reader() {
        return reader;
    }

    /**
     * What reads the memory of the target by address.
     *
     * @return that of the reader
     */
    protected final Reader memory() {
        return memory;
    }

    /**
     * The size of the slot.
     *
     * @return bytes
     */
    public final int slotSize() {
        return slotSize;
    }

    /**
     * The flags.
     *
     * @return {@code RBasic.flags}
     */
    public final long flags() {
        return flags;
    }

    /**
     * Whether any of some flags is set.
     *
     * @param mask the bits
     * @return whether one is
     */
    public final boolean has(long mask) {
        return (flags & mask) != 0;
    }

    /**
     * The class: a singleton class where there is one, 0 for a hidden object.
     *
     * @return {@code RBasic.klass}, a target address
     */
    public final long klass() {
        return longAt(KLASS);
    }

    /**
     * The type.
     *
     * @return what the flags tell
     */
    public final RubyType type() {
        return RubyType.of(flags);
    }

    /**
     * Whether it is frozen.
     *
     * @return {@code FL_FREEZE}
     */
    public final boolean frozen() {
        return has(Flags.FREEZE);
    }

    /**
     * A 64-bit word of the slot.
     *
     * @param offset bytes from the beginning of the slot, up to 8 before its end
     * @return the word
     */
    public final long readLong(int offset) {
        if (offset < 0 || offset > slotSize - Long.BYTES) {
            throw new IndexOutOfBoundsException("a slot of " + slotSize + " bytes has no word at " + offset);
        }
        return longAt(offset);
    }
}
