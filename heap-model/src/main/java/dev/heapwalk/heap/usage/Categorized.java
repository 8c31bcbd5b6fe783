// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

import dev.heapwalk.heap.BlockView;

/**
 * A cursor or a look-up that knows what its blocks are used for. A heap whose blocks tell their use themselves, such as
 * the objects of a language, has cursors and look-ups of this kind; then no {@link Categorizer} is asked about them.
 */
public interface Categorized extends BlockView {

    /**
     * What the block is used for.
     *
     * @return the category, the same object for the same use where possible; {@link Category#NONE} if the block is not
     *     used
     */
    Category category();
}
