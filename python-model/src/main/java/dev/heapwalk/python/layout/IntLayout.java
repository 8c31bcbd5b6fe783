// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C name {@code PyLongObject}; 2.7 has {@code PyIntObject} beside it.
 *
 * @param tagged whether the word behind the head is {@code lv_tag}, and not {@code ob_size} with the number's sign
 * @param smallFlag the flag of the types whose objects are a {@code PyIntObject}; 0 where there is none
 */
public record IntLayout(boolean tagged, long smallFlag) {
    /** {@code ob_size} or {@code lv_tag}. */
    public static final int SIZE = 16;
    /** {@code ob_digit}, each digit of 32 bits, the lowest first. */
    public static final int DIGITS = 24;
    /** {@code ob_ival} of a {@code PyIntObject}. */
    public static final int IVAL = 16;
    /** How many bits of a digit are used in builds for 64 bits. */
    public static final int DIGIT_BITS = 30;
    /** How many bits of {@code lv_tag} lie below the number of digits. */
    public static final int TAG_SHIFT = 3;
    /** The bits of {@code lv_tag} that are 0 for a positive number, 1 for zero, and 2 for a negative one. */
    public static final int SIGN_MASK = 3;
    /** The sign of a negative number in {@code lv_tag}. */
    public static final int NEGATIVE = 2;

    static IntLayout of(int version) {
        return new IntLayout(version >= 312, version < 300 ? 1L << 23 : 0);
    }
}
