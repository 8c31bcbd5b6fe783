// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

import java.util.List;

/**
 * Walks blocks in address order. A flyweight that moves: it allocates nothing for a block, and what it says is good
 * until the next {@link #next()}. Where one block is what others leave of a range (the head of a page and its free
 * places), it comes behind these.
 *
 * <p>Damage ends neither in an exception nor in a loop: it is recorded, and the walk goes on at the next place that the
 * structure confirms. A cursor belongs to one thread.
 */
public interface BlockCursor extends BlockView, AutoCloseable {

    /**
     * Moves to the next block.
     *
     * @return whether there is one
     */
    boolean next();

    /**
     * Goes back before the first block and forgets {@link #damage()}, so that the same ranges can be walked again. They
     * are those that were known when the heap was located; of a process that went on, see {@link Heap#refresh()}.
     */
    void rewind();

    /**
     * Goes before the first block of a whole heap, with the buffers that it has, if it can: for profilers, which look
     * at a process again and again.
     *
     * @param heap the heap as it is now: what {@link Heap#refresh()} gave
     * @return whether it did; if not, it is as it was, and the heap is to be asked for a new one
     */
    default boolean rewind(Heap heap) {
        return false;
    }

    /**
     * Frees the buffers. A closed cursor can't be moved any more; a second call does nothing. Who does not close a
     * cursor leaves its buffers to the garbage collector.
     */
    @Override
    default void close() {}

    /**
     * How many bytes of the walk lie behind the cursor.
     *
     * @return bytes, from 0 to {@link #totalBytes()}
     */
    long walkedBytes();

    /**
     * How many bytes the walk has in all.
     *
     * @return bytes
     */
    long totalBytes();

    /**
     * How many bytes behind the cursor were left out, because what is there is damaged, can't be read, or changed while
     * the walk went over it. How far off a walk over a process that runs on may be.
     *
     * @return bytes
     */
    default long leftOutBytes() {
        return 0;
    }

    /**
     * What the cursor met that was damaged or could not be read.
     *
     * @return an unmodifiable list, as it is now
     */
    List<Damage> damage();
}
