// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C names {@code PyObject} and {@code PyVarObject}, which are laid out alike in all versions; what the count of
 * references means is not.
 *
 * @param countMask the bits of the first word that count references
 * @param immortalBit the bit of the first word that an object has which is never freed; 0 where there are none
 * @param countMost the bits of the first word that an object in use may have
 * @param preHeaderFlags the flags of types whose objects have two words before all else
 * @param gcHead how large the {@code PyGC_Head} is that lies before an object which the collector knows, in bytes
 * @param linksKept whether an object that is kept for later use has a pointer to the next one in place of its references
 */
public record ObjectLayout(
        long countMask, long immortalBit, long countMost, long preHeaderFlags, int gcHead, boolean linksKept) {
    /** {@code ob_refcnt}. */
    public static final int REFCNT = 0;
    /** {@code ob_type}. */
    public static final int TYPE = 8;
    /** {@code ob_size} of a {@code PyVarObject}. */
    public static final int SIZE = 16;
    /** How large a {@code PyObject} is, in bytes. */
    public static final int BYTES = 16;
    /** {@code ob_type} in a free-threaded build, whose objects have a larger head. */
    public static final int FREE_THREADED_TYPE = 24;

    /** How large the two words are that lie before all else in objects of some types, in bytes. */
    public static final int PRE_HEADER = 16;
    /** So many references and more are rare enough to be looked at closely. */
    public static final long MANY = 1 << 16;

    private static final long HALF = 0xFFFFFFFFL;

    static ObjectLayout of(int version) {
        if (version < 312) {
            return new ObjectLayout(
                    -1, 0, (1L << 40) - 1, version == 311 ? 1L << 4 : 0, version >= 308 ? 16 : 32, false);
        }
        // Since 3.14 the upper half has flags, and 16 bits that are zero.
        long most = version >= 314 ? HALF | 0xFFFFL << 48 : HALF;
        return new ObjectLayout(HALF, 1L << 31, most, 3L << 3, 16, version >= 314);
    }

    /**
     * Whether the first word may be that of an object in use. One that is kept for later use has no reference.
     *
     * @param word {@code ob_refcnt}, with what shares its word
     * @return whether it may be
     */
    public boolean isInUse(long word) {
        return (word & countMask) != 0 && (word & ~countMost) == 0;
    }
}
