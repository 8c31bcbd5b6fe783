// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.testkit.Ledger;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

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
    final long leftOut;
    final int damages;

    private Walk(TcmallocHeap heap) {
        this.heap = heap;
        long end = 0;
        try (TcmallocCursor block = heap.blocks()) {
            while (block.next()) {
                assertThat(block.address()).isGreaterThanOrEqualTo(end);
                end = block.address() + block.usableSize();
                if (block.state() == BlockState.USED) {
                    used.put(block.address(), block.usableSize());
                }
                bytes.merge(block.tcmallocState(), block.size(), Long::sum);
                if (block.thread().isPresent()) {
                    cachedBytes.merge(block.thread().getAsLong(), block.size(), Long::sum);
                }
                sampled += block.sampled() ? 1 : 0;
            }
            assertThat(block.walkedBytes()).isEqualTo(block.totalBytes());
            leftOut = block.leftOutBytes();
            damages = block.damage().size() + heap.damage().size();
        }
    }

    long bytes(TcmallocState state) {
        return bytes.getOrDefault(state, 0L);
    }

    /** Of a heap that is sound. */
    static Walk of(TcmallocHeap heap) {
        Walk walk = ofAny(heap);
        assertThat(heap.damage()).isEmpty();
        assertThat(heap.missing()).isEmpty();
        assertThat(walk.damages).isZero();
        assertThat(walk.leftOut).isZero();
        return walk;
    }

    /** Of a heap that may be damaged, or change meanwhile. */
    static Walk ofAny(TcmallocHeap heap) {
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
        // What libc, libstdc++ and tcmalloc itself have: some blocks, and one or two for each thread.
        assertThat(others).hasSizeLessThanOrEqualTo(16 + 2 * ledger.threads().size());
    }
}
