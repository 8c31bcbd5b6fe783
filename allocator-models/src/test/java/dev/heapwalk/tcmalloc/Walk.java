// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.LedgerBlocks;
import dev.heapwalk.allocator.WalkedHeap;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.testkit.Ledger;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;

/** What a walk over all blocks finds. */
final class Walk {
    final TcmallocHeap heap;
    /** Used blocks, with their usable sizes. */
    final Map<Long, Long> used = new HashMap<>();
    /** Bytes in each state. */
    final Map<TcmallocState, Long> bytes = new EnumMap<>(TcmallocState.class);
    /** Cached blocks of threads that are known. */
    final Map<Long, Long> cachedBytes = new HashMap<>();

    long sampled;
    final WalkedHeap walked;

    private Walk(TcmallocHeap heap) {
        this.heap = heap;
        walked = WalkedHeap.of(heap, heap.blocks(), TcmallocCursor::usableSize, block -> {
            if (block.state() == BlockState.USED) {
                used.put(block.address(), block.usableSize());
            }
            bytes.merge(block.tcmallocState(), block.size(), Long::sum);
            if (block.thread().isPresent()) {
                cachedBytes.merge(block.thread().getAsLong(), block.size(), Long::sum);
            }
            sampled += block.sampled() ? 1 : 0;
        });
    }

    long bytes(TcmallocState state) {
        return bytes.getOrDefault(state, 0L);
    }

    /** Of a heap that is sound. */
    static Walk of(TcmallocHeap heap) {
        Walk walk = ofAny(heap);
        walk.walked.checkSound();
        return walk;
    }

    /** Of a heap that may be damaged, or change meanwhile. */
    static Walk ofAny(TcmallocHeap heap) {
        return new Walk(heap);
    }

    /** Each block that the program holds is used with its usable size, and none that it freed. */
    void check(Ledger ledger) {
        LedgerBlocks.check(used, ledger, 16);
    }
}
