// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import static org.assertj.core.api.Assertions.assertThat;

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

    private static final long FIRST_LARGE = 1 << 14;
    private static final int UNCOUNTED = -1;

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
                ofClass.merge(counted(block), 1L, Long::sum);
            }
        });
    }

    /**
     * What jemalloc counts a block as. A small one that is in a profile has pages of its own: in 5.3.1 as few as will
     * do, and then it is counted as none, before as many as the first large ones.
     */
    private int counted(JemallocCursor block) {
        int bins = heap.binInfos().size();
        if (block.szind() >= bins || block.size() == block.usableSize()) {
            return block.szind();
        }
        return block.size() > FIRST_LARGE ? bins : UNCOUNTED;
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

    /** Each block that the program holds is used with its usable size. */
    void checkLive(Ledger ledger) {
        assertThat(used).containsAllEntriesOf(LedgerBlocks.live(ledger));
    }
}
