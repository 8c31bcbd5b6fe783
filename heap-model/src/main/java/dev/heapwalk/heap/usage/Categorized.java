// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

import dev.heapwalk.heap.BlockView;

/**
 * A cursor or a look-up that knows what its blocks are used for. A heap whose blocks tell their use themselves, such as
 * the objects of a language, has cursors and look-ups of this kind; then no {@link Categorizer} is asked about them but
 * those whose category it does not know. It may also have words for blocks that are not used, such as what its
 * allocator needs itself.
 */
public interface Categorized extends BlockView {

    /**
     * What the block is used for.
     *
     * @return the category, the same object for the same use where possible; {@link Category#NONE} if the block is not
     *     used and the heap has no word for that, or if it does not know what a used one is
     */
    Category category();
}
