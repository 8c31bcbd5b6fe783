// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.LedgerBlocks;
import dev.heapwalk.allocator.WalkedHeap;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.testkit.Ledger;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** What a walk over all blocks finds. */
final class Walk {
    /** What jemalloc itself counts as allocated. */
    private static final Set<JemallocState> ALLOCATED =
            EnumSet.of(JemallocState.USED, JemallocState.TCACHE, JemallocState.METADATA);

    final JemallocHeap heap;
    /** Used blocks, with their usable sizes. */
    final Map<Long, Long> used = new HashMap<>();
    /** How many of each size class jemalloc counts as allocated. */
    final Map<Integer, Long> ofClass = new HashMap<>();

    final WalkedHeap walked;

    private Walk(JemallocHeap heap) {
        this.heap = heap;
        walked = WalkedHeap.of(heap, heap.blocks(), JemallocCursor::usableSize, block -> {
            if (block.state() == BlockState.USED) {
                used.put(block.address(), block.usableSize());
            }
            if (block.szind() >= 0 && ALLOCATED.contains(block.jemallocState())) {
                ofClass.merge(block.szind(), 1L, Long::sum);
            }
        });
    }

    /** Of a heap that is sound. */
    static Walk of(JemallocHeap heap) {
        Walk walk = ofAny(heap);
        walk.walked.checkSound();
        return walk;
    }

    /** Of a heap that may be damaged, or change meanwhile. */
    static Walk ofAny(JemallocHeap heap) {
        return new Walk(heap);
    }

    /** Each block that the program holds is used with its usable size, and none that it freed. */
    void check(Ledger ledger) {
        LedgerBlocks.check(used, ledger, 8);
    }
}
