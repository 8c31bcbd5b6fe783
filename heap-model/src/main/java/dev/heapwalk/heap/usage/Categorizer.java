// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Window;
import java.util.List;

/**
 * Names the use of used blocks of one target, for one walk or one look-up. Made by a {@link CategorizerProvider} when
 * it is first needed, used by one thread, dropped when the walk starts again if it can't begin {@linkplain #again
 * again}.
 */
@FunctionalInterface
public interface Categorizer {
    /** One that knows nothing. */
    Categorizer NONE = (block, window) -> Category.NONE;

    /**
     * Names the use of a used block. Blocks of a walk come in address order, those of a look-up in any order. It is
     * called for millions of blocks, so it should allocate nothing.
     *
     * @param block the block, good during this call
     * @param window a window to read what is in the block with
     * @return the category, the same object for the same use where possible; {@link Category#NONE} if it does not know
     */
    Category categorize(BlockView block, Window window);

    /**
     * Does what takes long before it is first asked, such as looking at all objects of a runtime. Called once, after it
     * was made or began {@linkplain #again again}, and before all else.
     *
     * @param progress to be run from time to time, so that who waits can show that it goes on, or end it: by an
     *     exception, which is to be let through
     */
    default void prepare(Runnable progress) {}

    /**
     * What it has left out, such as for want of memory, so that blocks may be used for what it does not tell. Asked when
     * a walk is at its end.
     *
     * @return lines for a person, none by default
     */
    default List<String> notices() {
        return List.of();
    }

    /**
     * Takes note of a used block of a {@linkplain dev.heapwalk.heap.HeapLayer#RUNTIME runtime}. In a walk over all
     * heaps these come first, so that a categorizer can learn on the way what they own, in place of a walk of its own.
     * It is not called in other walks, nor for look-ups.
     *
     * @param block what is at the block: the runtime's own cursor, not to be moved
     */
    default void note(BlockView block) {}

    /**
     * Begins again, for a walk that starts again: forgets what it knows of the target, which may have run on, and keeps
     * the room that it took. Called in place of {@link CategorizerProvider#categorizer}, at the same time. For
     * categorizers that collect much, so that samples of a process allocate nothing.
     *
     * @param heaps the heaps of the same target, as they are now
     * @return whether it did; if not, as by default, it is not used any more and its provider makes another one
     */
    default boolean again(Heaps heaps) {
        return false;
    }
}
