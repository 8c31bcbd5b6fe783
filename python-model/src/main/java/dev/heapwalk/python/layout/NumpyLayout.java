// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C names {@code PyArrayObject_fields} and {@code PyArray_Descr} of NumPy, laid out alike in all its versions but for
 * the size of an element.
 */
public final class NumpyLayout {
    /** {@code data} of an array. */
    public static final int DATA = 16;
    /** {@code nd}, 32 bits. */
    public static final int ND = 24;
    /** {@code dimensions}, {@code nd} words, behind which as many strides lie. */
    public static final int DIMENSIONS = 32;
    /** {@code descr}. */
    public static final int DESCR = 56;
    /** {@code flags}, 32 bits. */
    public static final int FLAGS = 64;
    /** {@code NPY_ARRAY_OWNDATA}: the array frees its data. */
    public static final int OWNDATA = 4;
    /** The most dimensions of an array. */
    public static final int MOST_DIMENSIONS = 64;

    /** {@code kind} of a {@code PyArray_Descr}, a letter. */
    public static final int KIND = 24;
    /** {@code type_num}, 32 bits. */
    public static final int TYPE_NUM = 28;
    /** {@code elsize} up to 1.26, 32 bits. */
    private static final int OLD_ELSIZE = 32;
    /** {@code alignment} up to 1.26, 32 bits. */
    private static final int OLD_ALIGNMENT = 36;
    /** {@code elsize} since 2.0. */
    private static final int ELSIZE = 40;

    private NumpyLayout() {}

    /** Reads a word of a {@code PyArray_Descr}. */
    @FunctionalInterface
    public interface Words {
        /**
         * Reads a word.
         *
         * @param offset where it lies
         * @return the word
         */
        long at(int offset);
    }

    /**
     * The size of an element. Up to 1.26 an alignment lies beside it, which is no zero; since 2.0 the upper half of the
     * flags is there, which is.
     *
     * @param descr what reads the {@code PyArray_Descr}
     * @return bytes
     */
    public static long elementSize(Words descr) {
        return descr.at(OLD_ELSIZE) >>> Integer.SIZE * (OLD_ALIGNMENT - OLD_ELSIZE) / Integer.BYTES != 0
                ? descr.at(OLD_ELSIZE) & 0xFFFFFFFFL
                : descr.at(ELSIZE);
    }
}
