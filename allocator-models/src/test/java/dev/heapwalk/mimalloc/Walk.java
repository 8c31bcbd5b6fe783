// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.allocator.LedgerBlocks;
import dev.heapwalk.allocator.WalkedHeap;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.testkit.Ledger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a walk over all blocks finds. */
final class Walk {
    final MimallocHeap heap;
    /** Used blocks by their addresses. */
    final TreeMap<Long, Used> used = new TreeMap<>();

    final WalkedHeap walked;

    /**
     * A used block.
     *
     * @param size its size
     * @param usable what the program may use of it
     */
    record Used(long size, long usable) {}

    private Walk(MimallocHeap heap) {
        this.heap = heap;
        walked = WalkedHeap.of(heap, heap.blocks(), MimallocCursor::size, block -> {
            if (block.state() == BlockState.USED) {
                used.put(block.address(), new Used(block.size(), block.usableSize()));
            }
        });
    }

    /** Of a heap that is sound. */
    static Walk of(MimallocHeap heap) {
        Walk walk = ofAny(heap);
        walk.walked.checkSound();
        return walk;
    }

    /** Of a heap that may be damaged, or change meanwhile. */
    static Walk ofAny(MimallocHeap heap) {
        return new Walk(heap);
    }

    /** The used block that an address lies in. */
    Map.Entry<Long, Used> at(long address) {
        Map.Entry<Long, Used> entry = used.floorEntry(address);
        return entry != null && address < entry.getKey() + entry.getValue().size() ? entry : null;
    }

    /** Each block that the program holds is used with its usable size, and none that it freed. */
    void check(Ledger ledger) {
        List<String> wrong = new ArrayList<>();
        TreeMap<Long, Used> others = new TreeMap<>(used);
        for (Ledger.Block block : ledger.live()) {
            // What must be aligned begins inside of a larger block.
            Map.Entry<Long, Used> entry = at(block.address());
            if (entry == null) {
                wrong.add("%s is not used".formatted(block));
            } else if (entry.getKey() + entry.getValue().usable() - block.address() != block.usable()) {
                wrong.add("%s has %s at 0x%x".formatted(block, entry.getValue(), entry.getKey()));
            } else if (others.remove(entry.getKey()) == null) {
                wrong.add("%s shares the block at 0x%x".formatted(block, entry.getKey()));
            }
        }
        assertThat(wrong).isEmpty();
        LedgerBlocks.checkOthers(others.keySet(), ledger, 10);
    }
}
