// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;

/** A Struct. C name {@code struct RStruct}. */
public final class RStruct extends RValue {
    /** The flag of a Struct whose instance variables a table has: {@code RSTRUCT_GEN_FIELDS}, since 4.0. */
    public static final long GENERIC_FIELDS = Flags.USER8;

    private final ObjectLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RStruct(ObjectReader reader) {
        super(reader);
        this.layout = RubyLayout.of(reader.series()).object();
    }

    /**
     * Whether the members stand in the slot.
     *
     * @return whether the flags tell their number
     */
    public boolean embedded() {
        return embeddedLength() != 0;
    }

    private int embeddedLength() {
        return (int) (flags() >>> 13) & layout.structEmbedLengthMask();
    }

    /**
     * How many members it has. As the target says, at most what the slot can hold if it is embedded.
     *
     * @return a count; negative if the target's memory is damaged
     */
    public long length() {
        int embedded = embeddedLength();
        return embedded == 0 ? longAt(16) : Math.min(embedded, (slotSize() - 16) / 8);
    }

    /**
     * Where the members are, 8 bytes each.
     *
     * @return a target address
     */
    public long members() {
        return embedded() ? address() + 16 : longAt(24);
    }

    /**
     * A member's value. Of a Range: 0 is its beginning, 1 its end, and 2 whether that is excluded.
     *
     * @param index from 0 to {@link #length()}
     * @return a {@code VALUE}
     * @throws dev.heapwalk.memory.UnmappedAddressException if it can't be read
     */
    public long member(long index) {
        return memory().readLong(members() + 8 * index);
    }

    /**
     * A member that stands in the slot.
     *
     * @param index from 0 to {@link #length()}, of a Struct that is {@linkplain #embedded() embedded}
     * @return a {@code VALUE}
     */
    public long embeddedMember(int index) {
        return longAt(16 + 8L * index);
    }

    /**
     * Where in the slot the object with its instance variables would stand, behind the members.
     *
     * @return bytes from the beginning of the slot, maybe behind its end
     */
    public int fieldsObject() {
        int embedded = embeddedLength();
        return embedded == 0 ? 32 : 16 + 8 * embedded;
    }
}
