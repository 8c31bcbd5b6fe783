// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.allocator.WalkedHeap;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A program that allocates and frees without pause, on jemalloc: observed while it runs, and stopped. */
class ObserveTest {
    private static final int LOOKS = 5;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void changeIsNoDamage(Release release) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, "churn")
                        .env("LD_PRELOAD", LedgerTest.LIBRARY)
                        .option("threads", 2)
                        .start();
                Target target = Target.observe(process.pid())) {
            JemallocHeap heap = JemallocHeap.locate(target);
            JemallocCursor block = heap.blocks();
            for (int i = 0; i < LOOKS; i++) {
                heap = heap.refresh();
                assertThat(block.rewind(heap)).isTrue();
                long used = 0;
                while (block.next()) {
                    used += block.jemallocState() == JemallocState.USED ? 1 : 0;
                }
                assertThat(used).isPositive();
                assertThat(heap.damage()).isEmpty();
                assertThat(block.damage()).isEmpty();
                assertThat(block.leftOutBytes()).isLessThan(block.totalBytes());
                // Stopped in the middle of it, nothing contradicts itself.
                try (Target.Stop _ = target.stop()) {
                    JemallocHeap still = heap.refresh();
                    Walk walk = Walk.ofAny(still);
                    assertThat(still.damage()).isEmpty();
                    assertThat(walk.walked.damages()).isZero();
                    assertThat(still.threadCaches()).hasSize(3);
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
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void aWalkAllocatesNothing(Release release) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, "many")
                        .env("LD_PRELOAD", LedgerTest.LIBRARY)
                        .option("threads", 2)
                        .option("count", 20_000)
                        .start();
                Target target = Target.attach(process.pid());
                JemallocCursor block = JemallocHeap.locate(target).blocks()) {
            WalkedHeap.checkAllocatesNothing(block);
        }
    }
}
