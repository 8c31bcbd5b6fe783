// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

/**
 * A block for who wants to keep it, as it was when it was taken from a cursor or a look-up.
 *
 * @param address target address of what the program has
 * @param size bytes, with what the allocator needs itself
 * @param usableSize bytes that the program may use
 * @param state what it is held for
 * @param nameIndex index into {@link Heap#names()}
 * @param name the heap's own name for what it is held for
 * @param region the number of a row of {@link Heap#regions()}, -1 if it lies in none
 * @param ownMapping whether it is a mapping of its own
 */
public record Block(
        long address,
        long size,
        long usableSize,
        BlockState state,
        int nameIndex,
        String name,
        int region,
        boolean ownMapping)
        implements BlockView {

    /**
     * Takes what a cursor or a look-up is at.
     *
     * @param view what is at a block
     * @return the block
     */
    public static Block of(BlockView view) {
        return view instanceof Block block
                ? block
                : new Block(
                        view.address(),
                        view.size(),
                        view.usableSize(),
                        view.state(),
                        view.nameIndex(),
                        view.name(),
                        view.region(),
                        view.ownMapping());
    }

    /**
     * Says of a cursor or a look-up where it is, for its {@code toString()}.
     *
     * @param view what is at a block
     * @return for example {@code USED block at 0x55d0c8a012a0, 32 bytes}
     */
    public static String describe(BlockView view) {
        return "%s block at 0x%x, %d bytes".formatted(view.name(), view.address(), view.size());
    }
}
