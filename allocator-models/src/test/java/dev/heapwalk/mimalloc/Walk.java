// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.testkit.Ledger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a walk over all blocks finds. */
final class Walk {
    final MimallocHeap heap;
    /** Used blocks by their addresses. */
    final TreeMap<Long, Used> used = new TreeMap<>();

    final long leftOut;
    final int damages;

    /**
     * A used block.
     *
     * @param size its size
     * @param usable what the program may use of it
     */
    record Used(long size, long usable) {}

    private Walk(MimallocHeap heap) {
        this.heap = heap;
        long end = 0;
        try (MimallocCursor block = heap.blocks()) {
            while (block.next()) {
                assertThat(block.address()).isGreaterThanOrEqualTo(end);
                end = block.address() + block.size();
                if (block.state() == BlockState.USED) {
                    used.put(block.address(), new Used(block.size(), block.usableSize()));
                }
            }
            assertThat(block.walkedBytes()).isEqualTo(block.totalBytes());
            leftOut = block.leftOutBytes();
            damages = block.damage().size() + heap.damage().size();
        }
    }

    /** Of a heap that is sound. */
    static Walk of(MimallocHeap heap) {
        Walk walk = ofAny(heap);
        assertThat(heap.damage()).isEmpty();
        assertThat(heap.missing()).isEmpty();
        assertThat(walk.damages).isZero();
        assertThat(walk.leftOut).isZero();
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
        // Where threads began since it was freed, libc may have its block.
        ledger.threads().forEach(thread -> others.remove(thread.dtv() - 16));
        List<Long> freed = Arrays.stream(ledger.freed())
                .filter(others::containsKey)
                .boxed()
                .toList();
        assertThat(freed).as("freed, but used").isEmpty();
        // What libc and libstdc++ have: some blocks, and one or two for each thread.
        assertThat(others).hasSizeLessThanOrEqualTo(10 + 2 * ledger.threads().size());
    }
}
