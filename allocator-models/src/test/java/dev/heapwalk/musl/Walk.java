// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.allocator.LedgerBlocks;
import dev.heapwalk.allocator.WalkedHeap;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.testkit.Ledger;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;

/** What a walk over all blocks finds. */
final class Walk {
    final MuslHeap heap;
    /** Used blocks, with their usable sizes. */
    final Map<Long, Long> used = new HashMap<>();
    /** Bytes in each state. */
    final Map<MuslState, Long> bytes = new EnumMap<>(MuslState.class);
    /** How many blocks of each size class there are, and how many mappings of single blocks. */
    final Map<Integer, Integer> classes = new HashMap<>();

    int ownMappings;
    final WalkedHeap walked;

    private Walk(MuslHeap heap) {
        this.heap = heap;
        walked = WalkedHeap.of(heap, heap.blocks(), MuslCursor::usableSize, block -> {
            if (block.state() == BlockState.USED) {
                used.put(block.address(), block.usableSize());
                ownMappings += block.ownMapping() ? 1 : 0;
            }
            bytes.merge(block.muslState(), block.size(), Long::sum);
            classes.merge(block.sizeClass(), 1, Integer::sum);
        });
    }

    long bytes(MuslState state) {
        return bytes.getOrDefault(state, 0L);
    }

    /** Of a heap that is sound. */
    static Walk of(MuslHeap heap) {
        Walk walk = ofAny(heap);
        walk.walked.checkSound();
        return walk;
    }

    /** Of a heap that may be damaged, or change meanwhile. */
    static Walk ofAny(MuslHeap heap) {
        return new Walk(heap);
    }

    /** Each block that the program holds is used with its usable size, and none that it freed. */
    void check(Ledger ledger) {
        LedgerBlocks.check(used, ledger, 2);
    }
}
