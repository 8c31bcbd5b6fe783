// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C names {@code PyTupleObject}, {@code PyListObject} and {@code PyByteArrayObject}.
 *
 * @param tupleItems {@code ob_item} of a tuple, the items themselves
 * @param tupleNext where a tuple that is kept for later use has the address of the next one, from its fields on: the
 *     first item, the first word of the object since 3.14
 * @param listHead how many bytes lie before the items of a list in their memory: {@code allocated} of a {@code
 *     _PyListArray} in a build without the lock
 * @param byteArrayAllocated {@code ob_alloc}
 * @param byteArrayBytes {@code ob_bytes}, where the memory of a {@code bytearray} begins
 * @param byteArrayStart {@code ob_start}, where its bytes begin, or -1 where they begin with the memory
 */
public record SequenceLayout(
        int tupleItems, int tupleNext, int listHead, int byteArrayAllocated, int byteArrayBytes, int byteArrayStart) {
    /** {@code ob_item} of a list, a pointer to the items. */
    public static final int LIST_ITEMS = 24;
    /** {@code allocated} of a list. */
    public static final int LIST_ALLOCATED = 32;
    /** How much of a list is read, in bytes. */
    public static final int LIST_BYTES = 40;
    /** How much of a {@code bytearray} is read, in bytes. */
    public static final int BYTE_ARRAY_BYTES = 48;

    static SequenceLayout of(int version, boolean freeThreaded) {
        if (version < 300) {
            return new SequenceLayout(24, 24, 0, 32, 40, -1);
        }
        boolean firstWord = version >= 314;
        int shift = freeThreaded ? ObjectLayout.FREE_THREADED_SHIFT : 0;
        return new SequenceLayout(
                firstWord ? 32 : 24, firstWord ? -shift : 24, freeThreaded ? Long.BYTES : 0, 24, 32, 40);
    }
}
