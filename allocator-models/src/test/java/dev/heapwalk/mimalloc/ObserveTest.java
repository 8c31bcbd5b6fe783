// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.allocator.WalkedHeap;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A program that allocates and frees without pause, on mimalloc: observed while it runs, and stopped. */
class ObserveTest {
    private static final int LOOKS = 5;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.mimalloc.Library#all")
    void changeIsNoDamage(Library library) throws Exception {
        try (LedgerProcess process = library.of("churn").option("threads", 2).start();
                Target target = Target.observe(process.pid())) {
            MimallocHeap heap = MimallocHeap.locate(target);
            MimallocCursor block = heap.blocks();
            for (int i = 0; i < LOOKS; i++) {
                heap = heap.refresh();
                assertThat(block.rewind(heap)).isTrue();
                long used = 0;
                while (block.next()) {
                    used += block.mimallocState() == MimallocState.USED ? 1 : 0;
                }
                assertThat(used).isPositive();
                assertThat(heap.damage()).isEmpty();
                assertThat(block.damage()).isEmpty();
                assertThat(block.leftOutBytes()).isLessThan(block.totalBytes());
                // Stopped in the middle of it, nothing contradicts itself.
                try (Target.Stop _ = target.stop()) {
                    MimallocHeap still = heap.refresh();
                    Walk walk = Walk.ofAny(still);
                    assertThat(still.damage()).isEmpty();
                    assertThat(walk.walked.damages()).isZero();
                }
            }
            block.close();
            process.stop();
            Ledger ledger = process.ledger();
            heap = heap.refresh();
            Walk.of(heap).check(ledger);
            process.check();
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.mimalloc.Library#all")
    void aWalkAllocatesNothing(Library library) throws Exception {
        try (LedgerProcess process = library.of("many").option("count", 100_000).start();
                Target target = Target.attach(process.pid());
                MimallocCursor block = MimallocHeap.locate(target).blocks()) {
            WalkedHeap.checkAllocatesNothing(block);
        }
    }
}
