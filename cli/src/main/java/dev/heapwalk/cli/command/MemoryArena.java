// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.residency.OwnedMemory;
import dev.heapwalk.heap.residency.Reclaimable;
import dev.heapwalk.heap.residency.RegionHolding;
import java.util.List;

/**
 * What is in memory of an arena.
 *
 * @param held by blocks in each state
 * @param back what would leave memory
 */
record MemoryArena(RegionHolding held, Reclaimable back) {

    /** All of a heap that tells what it would give back. */
    static List<MemoryArena> of(Heap heap, OwnedMemory owned, List<Reclaimable> parts) {
        return parts.stream()
                .map(part -> new MemoryArena(
                        owned.regions().stream()
                                .filter(held -> held.heap() == heap && held.region() == part.region())
                                .findFirst()
                                .orElse(new RegionHolding(heap, part.region(), 0, 0, 0, 0, 0)),
                        part))
                .toList();
    }

    int index() {
        return back.region();
    }

    long used() {
        return held.used();
    }

    long cached() {
        return held.cached();
    }

    /** What is free, and would stay all the same, without the unused end. */
    long between() {
        return Math.max(0, held.free() + held.reserved() - back.resident() - back.kept());
    }

    /** Which part of what would stay, without the unused end, is free. */
    double fragmentation() {
        long stays = used() + cached() + between();
        return stays == 0 ? 0 : (double) between() / stays;
    }
}
