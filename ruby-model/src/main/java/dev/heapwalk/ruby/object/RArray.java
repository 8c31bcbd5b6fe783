// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;

/** An Array. C name {@code struct RArray}. */
public final class RArray extends RValue {
    private static final long EMBED = Flags.USER1;

    private final ObjectLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RArray(ObjectReader reader) {
        super(reader);
        this.layout = RubyLayout.of(reader.series()).object();
    }

    /**
     * Whether the elements stand in the slot.
     *
     * @return {@code RARRAY_EMBED_FLAG}
     */
    public boolean embedded() {
        return has(EMBED);
    }

    /**
     * How many elements it has. As the target says, at most what the slot can hold if it is embedded.
     *
     * @return a count; negative if the target's memory is damaged
     */
    public long length() {
        if (!embedded()) {
            return longAt(16);
        }
        return Math.min(flags() >>> 15 & layout.arrayEmbedLengthMask(), (slotSize() - 16) / 8);
    }

    /**
     * Where the elements are, 8 bytes each.
     *
     * @return a target address
     */
    public long elements() {
        return embedded() ? address() + 16 : longAt(32);
    }

    /**
     * Whether it shares its elements with another Array, which is {@link #auxiliary()}.
     *
     * @return {@code ELTS_SHARED}, for one that is not embedded
     */
    public boolean shared() {
        return !embedded() && has(layout.arrayShared());
    }

    /**
     * The Array it shares its elements with, or how many elements its own buffer holds.
     *
     * @return {@code as.heap.aux}
     */
    public long auxiliary() {
        return longAt(24);
    }

    /**
     * An element.
     *
     * @param index from 0 to {@link #length()}
     * @return a {@code VALUE}
     * @throws dev.heapwalk.memory.UnmappedAddressException if it can't be read
     */
    public long element(long index) {
        return memory().readLong(elements() + 8 * index);
    }

    /**
     * An element that stands in the slot.
     *
     * @param index from 0 to {@link #length()}, of an Array that is {@linkplain #embedded() embedded}
     * @return a {@code VALUE}
     */
    public long embeddedElement(int index) {
        return longAt(16 + 8L * index);
    }

    /**
     * Whether the flag is set that a shared one has, also an embedded one.
     *
     * @return {@code ELTS_SHARED}
     */
    public boolean sharedFlag() {
        return has(layout.arrayShared());
    }

    /**
     * Whether others share its elements.
     *
     * @return {@code RARRAY_SHARED_ROOT_FLAG}
     */
    public boolean sharedRoot() {
        return has(layout.arraySharedRoot());
    }

    /**
     * How many elements its buffer has room for.
     *
     * @return {@code capa}, of an Array that is neither embedded nor shared; unchecked
     */
    public long capacity() {
        // A root that others share the elements of keeps their number where its capacity would be.
        return sharedRoot() ? longAt(16) : longAt(24);
    }
}
