// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import java.util.List;

/**
 * Who has the memory of a process.
 *
 * @param holdings what each owner has, the largest first
 * @param regions what is in memory of the regions of allocators, in the order in which they were walked
 * @param stacks how deep the stacks of threads are, the deepest first; without those of which that is not known
 */
public record OwnedMemory(List<Holding> holdings, List<RegionHolding> regions, List<StackHolding> stacks) {

    /** Copies the lists. */
    public OwnedMemory {
        holdings = List.copyOf(holdings);
        regions = List.copyOf(regions);
        stacks = List.copyOf(stacks);
    }
}
