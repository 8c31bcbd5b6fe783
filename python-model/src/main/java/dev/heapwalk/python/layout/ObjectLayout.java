// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C names {@code PyObject} and {@code PyVarObject}, which are laid out alike in all versions; what the count of
 * references means is not.
 *
 * @param countMask the bits of the first word that count references
 * @param immortalBit the bit of the first word that an object has which is never freed; 0 where there are none
 * @param gcHead how large the {@code PyGC_Head} is that lies before an object which the collector knows, in bytes
 */
public record ObjectLayout(long countMask, long immortalBit, int gcHead) {
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

    static ObjectLayout of(int version) {
        return version >= 312
                ? new ObjectLayout(0xFFFFFFFFL, 1L << 31, 16)
                : new ObjectLayout(-1, 0, version >= 308 ? 16 : 32);
    }
}
