// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.heap.DamageList;
import dev.heapwalk.heap.Evidence;
import java.util.List;

/**
 * What is told of a heap besides its blocks, as it was located.
 *
 * @param name what it is called
 * @param firstRegion how many regions the heaps of its kind before it have
 * @param evidence what the conclusions rest on
 * @param missing what is missing, by what the allocator itself counts
 * @param damages what was damaged
 * @param settled whether what contradicts itself is damage, and no change that was under way
 * @param leftOut bytes that were in no state to be read
 */
public record Located(
        String name,
        int firstRegion,
        List<Evidence> evidence,
        List<String> missing,
        DamageList damages,
        boolean settled,
        long leftOut) {
    /**
     * Keeps copies of the lists.
     *
     * @param name what it is called
     * @param firstRegion how many regions the heaps of its kind before it have
     * @param evidence what the conclusions rest on
     * @param missing what is missing, by what the allocator itself counts
     * @param damages what was damaged
     * @param settled whether what contradicts itself is damage, and no change that was under way
     * @param leftOut bytes that were in no state to be read
     */
    public Located {
        evidence = List.copyOf(evidence);
        missing = List.copyOf(missing);
    }
}
