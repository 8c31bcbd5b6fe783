// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/** The bits of {@code RBasic.flags}: C name {@code enum ruby_fl_type}. */
public final class Flags {
    /** {@code RUBY_T_MASK}. */
    public static final long TYPE_MASK = 0x1f;
    /** {@code FL_WB_PROTECTED}. */
    public static final long WB_PROTECTED = 1 << 5;
    /** {@code FL_PROMOTED0}, until 3.2 the lower bit of the age. */
    public static final long PROMOTED0 = 1 << 5;
    /** {@code FL_PROMOTED}. */
    public static final long PROMOTED = 1 << 6;
    /** {@code FL_SHAREABLE}, {@code FL_TAINT} in 2.7. */
    public static final long SHAREABLE = 1 << 8;
    /** {@code FL_EXIVAR}. */
    public static final long EXIVAR = 1 << 10;
    /** {@code FL_FREEZE}. */
    public static final long FREEZE = 1 << 11;
    /** The number of {@code FL_USER0}: {@code FL_USHIFT}. */
    public static final int USHIFT = 12;
    /** {@code FL_USER0}. */
    public static final long USER0 = 1L << USHIFT;
    /** {@code FL_USER1}. */
    public static final long USER1 = 1L << USHIFT + 1;
    /** {@code FL_USER2}. */
    public static final long USER2 = 1L << USHIFT + 2;
    /** {@code FL_USER3}. */
    public static final long USER3 = 1L << USHIFT + 3;
    /** {@code FL_USER4}. */
    public static final long USER4 = 1L << USHIFT + 4;
    /** {@code FL_USER5}. */
    public static final long USER5 = 1L << USHIFT + 5;
    /** {@code FL_USER6}. */
    public static final long USER6 = 1L << USHIFT + 6;
    /** {@code FL_USER8}. */
    public static final long USER8 = 1L << USHIFT + 8;
    /** {@code FL_USER17}: of a String, that it is in the table of frozen strings. */
    public static final long USER17 = 1L << USHIFT + 17;

    /** {@code ENCODING_SHIFT}. */
    private static final int ENCODING_SHIFT = USHIFT + 10;
    /** {@code ENCODING_INLINE_MAX}: an instance variable has the index. */
    private static final int ENCODING_MASK = 0x7f;
    /** Where the bits of {@code ENC_CODERANGE_MASK} begin. */
    private static final int CODE_RANGE_SHIFT = USHIFT + 8;

    /**
     * The encoding of what has one. C name {@code RB_ENCODING_GET_INLINED}.
     *
     * @param flags the flags of a String, Symbol or Regexp
     * @return an index, 127 if an instance variable has it
     */
    public static int encodingIndex(long flags) {
        return (int) (flags >>> ENCODING_SHIFT) & ENCODING_MASK;
    }

    /**
     * Of what kind the bytes of a String are. C name {@code RB_ENC_CODERANGE}.
     *
     * @param flags its flags
     * @return 0 where nobody looked, 1 for 7 bits, 2 for valid, 3 for broken
     */
    public static int codeRange(long flags) {
        return (int) (flags >>> CODE_RANGE_SHIFT) & 3;
    }

    private Flags() {}
}
