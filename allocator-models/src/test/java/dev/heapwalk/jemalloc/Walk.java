// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.testkit.Ledger;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

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

    final long leftOut;
    final int damages;

    private Walk(JemallocHeap heap) {
        this.heap = heap;
        long end = 0;
        try (JemallocCursor block = heap.blocks()) {
            while (block.next()) {
                assertThat(block.address()).isGreaterThanOrEqualTo(end);
                end = block.address() + block.usableSize();
                if (block.state() == BlockState.USED) {
                    used.put(block.address(), block.usableSize());
                }
                if (block.szind() >= 0 && ALLOCATED.contains(block.jemallocState())) {
                    ofClass.merge(block.szind(), 1L, Long::sum);
                }
            }
            assertThat(block.walkedBytes()).isEqualTo(block.totalBytes());
            leftOut = block.leftOutBytes();
            damages = block.damage().size() + heap.damage().size();
        }
    }

    /** Of a heap that is sound. */
    static Walk of(JemallocHeap heap) {
        Walk walk = ofAny(heap);
        assertThat(heap.damage()).isEmpty();
        assertThat(heap.missing()).isEmpty();
        assertThat(walk.damages).isZero();
        assertThat(walk.leftOut).isZero();
        return walk;
    }

    /** Of a heap that may be damaged, or change meanwhile. */
    static Walk ofAny(JemallocHeap heap) {
        return new Walk(heap);
    }

    /** Each block that the program holds is used with its usable size, and none that it freed. */
    void check(Ledger ledger) {
        Map<Long, Long> live =
                ledger.live().stream().collect(Collectors.toMap(Ledger.Block::address, Ledger.Block::usable));
        assertThat(used).containsAllEntriesOf(live);
        // Where threads began since it was freed, libc may have its block.
        Set<Long> others = new HashSet<>(used.keySet());
        others.removeAll(live.keySet());
        ledger.threads().forEach(thread -> others.remove(thread.dtv() - 16));
        Set<Long> freed = Arrays.stream(ledger.freed()).boxed().collect(Collectors.toSet());
        freed.retainAll(others);
        assertThat(freed).as("freed, but used").isEmpty();
        // What libc, libstdc++ and jemalloc itself have: some blocks, and one or two for each thread.
        assertThat(others).hasSizeLessThanOrEqualTo(8 + 2 * ledger.threads().size());
    }
}
