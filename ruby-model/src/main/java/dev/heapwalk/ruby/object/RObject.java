// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;

/**
 * An object of a class that Ruby code defined. C name {@code struct RObject}. {@link IvarCursor} tells what it holds.
 */
public final class RObject extends RValue {
    private final ObjectLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RObject(ObjectReader reader) {
        super(reader);
        this.layout = RubyLayout.of(reader.series()).object();
    }

    /**
     * Whether the instance variables stand in the slot.
     *
     * @return {@code ROBJECT_EMBED}, no {@code ROBJECT_HEAP} since 4.0
     */
    public boolean embedded() {
        return layout.embedsIvars(flags());
    }

    /**
     * Whether the instance variables are in a table by name. Since 3.2.
     *
     * @return {@code rb_shape_obj_too_complex}
     * @throws dev.heapwalk.memory.UnmappedAddressException if its shape can't be read
     */
    public boolean tooComplex() {
        return layout.shapesInFlags() && reader().shapes().tooComplex(shape());
    }

    /**
     * The shape. Since 3.2.
     *
     * @return {@code ROBJECT_SHAPE_ID}, see {@link Shapes}
     */
    public int shape() {
        return Shapes.of(flags());
    }

    /**
     * How many values there is room for before 3.2.
     *
     * @return {@code numiv}, 3 if it is embedded; unchecked
     */
    public int numiv() {
        return embedded() ? 3 : (int) longAt(16);
    }

    /**
     * Where the values are, 8 bytes each, or their table.
     *
     * @return a target address
     */
    public long ivptr() {
        return embedded() ? address() + ObjectLayout.EMBEDDED_IVARS : longAt(layout.objectFields());
    }

    /**
     * The table of its instance variables.
     *
     * @return target address of an {@code st_table}, of an Object that is {@linkplain #tooComplex() too complex}
     */
    public long table() {
        // What is left of the flag for embedded values does not count.
        return longAt(layout.objectFields());
    }

    /**
     * How many instance variables the slot has room for.
     *
     * @return a count
     */
    public int room() {
        return layout.shapesInFlags() ? (slotSize() - ObjectLayout.EMBEDDED_IVARS) / Long.BYTES : 3;
    }

    /**
     * An instance variable that stands in the slot.
     *
     * @param index from 0 to {@link #room()}, of an Object that is {@linkplain #embedded() embedded}
     * @return a {@code VALUE}
     */
    public long embeddedIvar(int index) {
        return longAt(ObjectLayout.EMBEDDED_IVARS + 8L * index);
    }
}
