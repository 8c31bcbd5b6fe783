// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C names {@code dequeobject} and {@code BLOCK}.
 *
 * @param left {@code leftblock}
 * @param right {@code rightblock}
 * @param leftIndex {@code leftindex}
 * @param rightIndex {@code rightindex}
 * @param length how many elements there are: {@code len}, since 3.0 {@code ob_size}
 * @param spareCount {@code numfreeblocks}, or -1 where spare blocks belong to no deque
 * @param spare {@code freeblocks}, an array, or -1
 * @param bytes how much of a deque is read, in bytes
 * @param blockBytes the size of a block, in bytes
 * @param data where a block has its elements
 * @param elements how many elements a block has room for
 * @param rightLink {@code rightlink} of a block
 */
public record DequeLayout(
        int left,
        int right,
        int leftIndex,
        int rightIndex,
        int length,
        int spareCount,
        int spare,
        int bytes,
        int blockBytes,
        int data,
        int elements,
        int rightLink) {
    /** How many spare blocks a deque keeps at most. */
    public static final int MOST_SPARE = 16;

    static DequeLayout of(int version) {
        if (version < 300) {
            return new DequeLayout(16, 24, 32, 40, 48, -1, -1, 56, 512, 0, 62, 496);
        }
        return version < 311
                ? new DequeLayout(24, 32, 40, 48, 16, -1, -1, 72, 528, 8, 64, 520)
                : new DequeLayout(24, 32, 40, 48, 16, 72, 80, 208, 528, 8, 64, 520);
    }
}
