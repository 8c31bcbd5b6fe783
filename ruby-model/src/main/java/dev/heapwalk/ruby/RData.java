// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.ruby.layout.ObjectLayout;

/** An object whose data C code holds. C names {@code struct RTypedData} and {@code struct RData}. */
public final class RData extends RValue {
    private static final long TYPE_BITS = 7;

    private final ObjectLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RData(ObjectReader reader) {
        super(reader);
        this.layout = reader.layout().object();
    }

    /**
     * Whether it tells its type.
     *
     * @return {@code RTYPEDDATA_P}
     */
    public boolean typed() {
        if (layout.dataTypedFlag() < 0) {
            return (longAt(layout.dataType()) & 1) != 0;
        }
        long flag = longAt(layout.dataTypedFlag());
        return flag >= 1 && flag <= 3;
    }

    /**
     * Whether the data follows in the slot. Since 3.3.
     *
     * @return {@code TYPED_DATA_EMBEDDED}
     */
    public boolean embedded() {
        return typed() && (longAt(layout.dataTypedFlag() < 0 ? layout.dataType() : layout.dataTypedFlag()) & 2) != 0;
    }

    /**
     * The type of typed data.
     *
     * @return target address of its {@code rb_data_type_t}
     */
    public long dataType() {
        long type = longAt(layout.dataType());
        return layout.dataTypedFlag() < 0 ? type & ~TYPE_BITS : type;
    }

    /**
     * Where the data is.
     *
     * @return a target address; 0 if it has none
     */
    public long data() {
        // struct RTypedData: basic, type, typed_flag, data, which an embedded one has directly behind typed_flag.
        return embedded() ? address() + 32 : longAt(32);
    }

    /**
     * The mark function of data without a type.
     *
     * @return target address of {@code dmark}
     */
    public long markFunction() {
        return longAt(16);
    }
}
