// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C names {@code PyUnicodeObject} with {@code PyASCIIObject} and {@code PyCompactUnicodeObject}, and {@code
 * PyBytesObject}, which 2.7 calls {@code PyStringObject}.
 *
 * @param asciiSize where the text of a compact ASCII string begins, behind a {@code PyASCIIObject}; -1 in 2.7, whose
 *     strings are all of one kind and have their text elsewhere
 * @param compactSize where the text of another compact string begins, behind a {@code PyCompactUnicodeObject}; a
 *     pointer to the text of one that is not compact lies there
 * @param wstr {@code wstr}, the text of a string that was made by old functions of C and not used since, or -1 where
 *     there is no such thing
 * @param wstrLength {@code wstr_length}, or -1
 * @param text {@code str} of 2.7, a pointer to the text, or -1
 * @param utf8Length {@code utf8_length}, or -1
 * @param utf8 {@code utf8}, the text in UTF-8 of a string that is not compact ASCII, or -1
 * @param kindShift where {@code state.kind} lies in the state, three bits, behind which {@code state.compact} and
 *     {@code state.ascii} follow
 * @param bytes {@code ob_sval}: where bytes begin
 */
public record StringLayout(
        int asciiSize,
        int compactSize,
        int wstr,
        int wstrLength,
        int text,
        int utf8Length,
        int utf8,
        int kindShift,
        int bytes) {
    /** {@code length}. */
    public static final int LENGTH = 16;
    /** {@code state}, 32 bits. */
    public static final int STATE = 32;

    /** The bits of {@code state.interned}. */
    public static final int INTERNED = 3;
    /** {@code ob_sstate} of a {@code PyStringObject} of 2.7: not 0 if it is interned. */
    public static final int BYTES_STATE = 32;

    private static final int KIND_MASK = 7;
    private static final int COMPACT = 1 << 3;
    private static final int ASCII = 1 << 4;
    /** How large a {@code wchar_t} is, in bytes. */
    public static final int WIDE = 4;

    /**
     * {@code state.kind}.
     *
     * @param state the state
     * @return how many bytes a unit of the text has, 0 where that is not known yet
     */
    public int kind(int state) {
        return state >>> kindShift & KIND_MASK;
    }

    /**
     * {@code state.compact}.
     *
     * @param state the state
     * @return whether the text lies in the string itself
     */
    public boolean compact(int state) {
        return (state >>> kindShift & COMPACT) != 0;
    }

    /**
     * {@code state.ascii}.
     *
     * @param state the state
     * @return whether the text is all ASCII
     */
    public boolean ascii(int state) {
        return (state >>> kindShift & ASCII) != 0;
    }

    static StringLayout of(int version, boolean freeThreaded) {
        if (version < 300) {
            return new StringLayout(-1, -1, -1, -1, 24, -1, -1, 2, 36);
        }
        return version < 312
                ? new StringLayout(48, 72, 40, 64, -1, 48, 56, 2, 32)
                : new StringLayout(40, 56, -1, -1, -1, 40, 48, freeThreaded && version >= 314 ? Byte.SIZE : 2, 32);
    }
}
