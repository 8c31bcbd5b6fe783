// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/**
 * One block of a heap: what a {@link BlockCursor} or a {@link BlockLookup} is at, good until that moves, or a {@link
 * Block}, which can be kept. Addresses are the target's, sizes are bytes.
 */
public interface BlockView {

    /**
     * What the program has of it: what the allocator returned, or would return.
     *
     * @return a target address
     */
    long address();

    /**
     * The size with what the allocator needs itself: a header, a tail, rounding.
     *
     * @return bytes
     */
    long size();

    /**
     * Where the allocator's own begins that it needs for the block: {@link #size()} bytes from there on are the block's.
     *
     * @return a target address, at {@link #address()} or before it
     */
    default long start() {
        return address();
    }

    /**
     * How many bytes from {@link #address()} on the program may use.
     *
     * @return bytes
     */
    long usableSize();

    /**
     * What it is held for.
     *
     * @return the state
     */
    BlockState state();

    /**
     * The heap's own name for what it is held for.
     *
     * @return an index into {@link Heap#names()}
     */
    int nameIndex();

    /**
     * The heap's own name for what it is held for.
     *
     * @return one of {@link Heap#names()}, such as {@code USED} or {@code TCACHE}, the same object each time
     */
    String name();

    /**
     * The region that it lies in.
     *
     * @return the number of a row of {@link Heap#regions()}, -1 if it lies in none
     */
    int region();

    /**
     * Whether it is a mapping of its own, which its heap hands back to the kernel as a whole.
     *
     * @return whether it is
     */
    boolean ownMapping();

    /**
     * What the program has told the allocator of what it keeps there, where an allocator lets it: the tag of a heap of
     * mimalloc.
     *
     * @return a small number whose meaning is the program's own, 0 where there is none; a {@link Block} has none
     */
    default int tag() {
        return 0;
    }
}
