// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

/**
 * The values that are no references: C name {@code enum ruby_special_consts}. False is 0, true is 0x14, an Integer has
 * bit 0 set, a flonum ends in the bits 10 and a static symbol in the byte 0x0c in all versions supported.
 *
 * @param nil {@code RUBY_Qnil}
 * @param undef {@code RUBY_Qundef}
 */
public record SpecialConstants(long nil, long undef) {
    /** {@code RUBY_Qtrue}. */
    public static final long TRUE = 0x14;

    /**
     * Whether a value is none of these. That does not make it a good reference.
     *
     * @param value a {@code VALUE}
     * @return whether it can only be a reference
     */
    public boolean isReference(long value) {
        return (value & 7) == 0 && value != 0 && value != nil;
    }

    /**
     * Whether a value is an Integer that fits in it.
     *
     * @param value a {@code VALUE}
     * @return whether it is a Fixnum
     */
    public static boolean isFixnum(long value) {
        return (value & 1) != 0;
    }

    /**
     * Whether a value is a Float that fits in it.
     *
     * @param value a {@code VALUE}
     * @return whether it is a flonum
     */
    public static boolean isFlonum(long value) {
        return (value & 3) == 2;
    }

    /**
     * Whether a value is a static symbol.
     *
     * @param value a {@code VALUE}
     * @return whether its ID stands above the low byte
     */
    public static boolean isStaticSymbol(long value) {
        return (value & 0xff) == 0x0c;
    }

    /**
     * The Float in a flonum. C name {@code rb_float_flonum_value}.
     *
     * @param value a flonum
     * @return its number
     */
    public static double flonum(long value) {
        if (value == 0x8000000000000002L) {
            return 0.0;
        }
        // The exponent's top three bits were 011 or 100; the lower two of them are stored rotated to the end.
        long b63 = value >>> 63;
        return Double.longBitsToDouble(Long.rotateRight((2 - b63) | (value & ~3L), 3));
    }
}
