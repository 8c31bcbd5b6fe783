// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.allocator.ObservedHeap;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A program that allocates and frees without pause, on tcmalloc. */
class ObserveTest extends ObservedHeap<TcmallocHeap> {
    @Override
    protected TcmallocHeap locate(Target target) {
        return TcmallocHeap.locate(target);
    }

    @Override
    protected void checkStopped(TcmallocHeap still) {
        assertThat(Walk.ofAny(still).walked.damages()).isZero();
        assertThat(still.threadCaches()).hasSizeBetween(3, 4);
    }

    @Override
    protected void check(TcmallocHeap heap, Ledger ledger) {
        Walk.of(heap).check(ledger);
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void changeIsNoDamage(Release release) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, "churn")
                .preload(LedgerTest.LIBRARY)
                .option("threads", 2)
                .start()) {
            changeIsNoDamage(process);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void aWalkAllocatesNothing(Release release) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, "many")
                .preload(LedgerTest.LIBRARY)
                .option("threads", 2)
                .option("count", 20_000)
                .start()) {
            walkAllocatesNothing(process);
        }
    }
}
