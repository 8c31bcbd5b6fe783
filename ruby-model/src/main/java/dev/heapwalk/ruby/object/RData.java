// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;

/** An object whose data C code holds. C names {@code struct RTypedData} and {@code struct RData}. */
public final class RData extends RValue {
    /** {@code RUBY_TYPED_FL_IS_TYPED_DATA}, since 4.0. */
    private static final long IS_TYPED = 1 << 6;
    /** {@code TYPED_DATA_EMBEDDED}, in the pointer to the type since 4.0. */
    private static final long EMBEDDED_TYPE = 1;
    /** {@code TYPED_DATA_EMBEDDED}, in the flag that tells typed data before. */
    private static final long EMBEDDED_FLAG = 2;

    private final ObjectLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RData(ObjectReader reader) {
        super(reader);
        this.layout = RubyLayout.of(reader.series()).object();
    }

    /**
     * Whether it tells its type.
     *
     * @return {@code RTYPEDDATA_P}
     */
    public boolean typed() {
        if (layout.dataTypedFlag() < 0) {
            return has(IS_TYPED);
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
        if (!typed()) {
            return false;
        }
        return layout.dataTypedFlag() < 0
                ? (longAt(layout.dataType()) & EMBEDDED_TYPE) != 0
                : (longAt(layout.dataTypedFlag()) & EMBEDDED_FLAG) != 0;
    }

    /**
     * The type of typed data.
     *
     * @return target address of its {@code rb_data_type_t}
     */
    public long dataType() {
        long type = longAt(layout.dataType());
        return layout.dataTypedFlag() < 0 ? type & ~EMBEDDED_TYPE : type;
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

    /**
     * The object with its instance variables.
     *
     * @return target address of an {@code imemo_fields}, since 4.0; 0 if it has none, or before
     */
    public long fieldsObject() {
        return layout.fieldObjects() ? longAt(layout.dataFieldsObject()) : 0;
    }
}
