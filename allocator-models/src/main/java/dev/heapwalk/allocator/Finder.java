// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.memory.Target;
import java.util.Optional;

/**
 * Finds the heap of one copy of an allocator, and finds it again as it is later.
 *
 * @param <H> the heap
 */
public interface Finder<H> {
    /**
     * What it looks at.
     *
     * @return the target that the heap lies in
     */
    Target target();

    /**
     * The program or library that the allocator is part of.
     *
     * @return the name of its file
     */
    String file();

    /**
     * Finds the heap as it is now.
     *
     * @param name what it is called
     * @param firstRegion how many regions the heaps of its kind before it have
     * @return the heap, empty if what leads to it is not as it is in versions that are known
     */
    Optional<H> look(String name, int firstRegion);
}
