// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.ruby.layout.ObjectLayout;

/** A Struct. C name {@code struct RStruct}. */
public final class RStruct extends RValue {
    private final ObjectLayout layout;

    RStruct(ObjectReader reader) {
        super(reader);
        this.layout = reader.layout().object();
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
}
