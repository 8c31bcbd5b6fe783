// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockState;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.Ledger.LedgerThread;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Holds blocks against the ledger of the program that allocated them. */
public final class LedgerBlocks {
    private LedgerBlocks() {}

    /**
     * Each block that the program holds is used with its usable size, and none that it freed.
     *
     * @param used used blocks, with their usable sizes
     * @param most so many blocks may be libc's, libstdc++'s and the allocator's own, but for those of threads
     */
    public static void check(Map<Long, Long> used, Ledger ledger, int most) {
        Map<Long, Long> live = live(ledger);
        assertThat(used).containsAllEntriesOf(live);
        Set<Long> others = new HashSet<>(used.keySet());
        others.removeAll(live.keySet());
        checkOthers(others, ledger, most);
    }

    /** The blocks that the program holds, with their usable sizes. */
    public static Map<Long, Long> live(Ledger ledger) {
        return ledger.live().stream().collect(Collectors.toMap(Ledger.Block::address, Ledger.Block::usable));
    }

    /**
     * No used block that is not the program's is one that it freed, and there are few of them.
     *
     * @param others such blocks
     * @param most so many there may be, and two more for each thread
     */
    public static void checkOthers(Set<Long> others, Ledger ledger, int most) {
        Set<Long> left = new HashSet<>(others);
        left.removeAll(ofThreads(ledger));
        Set<Long> freed = Arrays.stream(ledger.freed()).boxed().collect(Collectors.toSet());
        freed.retainAll(left);
        assertThat(freed).as("freed, but used").isEmpty();
        assertThat(left).hasSizeLessThanOrEqualTo(most + 2 * ledger.threads().size());
    }

    /** What libc has for each thread: it may have taken a block that was freed before. */
    public static Set<Long> ofThreads(Ledger ledger) {
        return ledger.threads().stream().map(thread -> thread.dtv() - 16).collect(Collectors.toSet());
    }

    /** The ids of the threads that live, in order. */
    public static List<Long> threads(Ledger ledger) {
        return ledger.threads().stream()
                .filter(LedgerThread::lives)
                .map(thread -> (long) thread.tid())
                .sorted()
                .toList();
    }

    /**
     * Every byte that the program asked for is found in its block, and what it freed is not used.
     *
     * @param taken what may have been freed and be used again
     */
    public static void checkLookup(Heap heap, Ledger ledger, Set<Long> taken) {
        try (BlockLookup lookup = heap.lookup()) {
            for (Ledger.Block block : ledger.live()) {
                for (long inside : new long[] {0, block.requested() / 2, Math.max(0, block.requested() - 1)}) {
                    assertThat(lookup.find(block.address() + inside)).isTrue();
                    assertThat(lookup.address()).isEqualTo(block.address());
                    assertThat(lookup.usableSize()).isEqualTo(block.usable());
                    assertThat(lookup.state()).isEqualTo(BlockState.USED);
                }
            }
            for (long freed : ledger.freed()) {
                // Where it was may be the inside of a larger block by now.
                if (!taken.contains(freed) && lookup.find(freed) && lookup.address() == freed) {
                    assertThat(lookup.state()).isNotEqualTo(BlockState.USED);
                }
            }
        }
    }
}
