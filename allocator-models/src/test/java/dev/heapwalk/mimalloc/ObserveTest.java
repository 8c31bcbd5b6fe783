// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.allocator.ObservedHeap;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A program that allocates and frees without pause, on mimalloc. */
class ObserveTest extends ObservedHeap<MimallocHeap> {
    @Override
    protected MimallocHeap locate(Target target) {
        return MimallocHeap.locate(target);
    }

    @Override
    protected void checkStopped(MimallocHeap still) {
        assertThat(Walk.ofAny(still).walked.damages()).isZero();
    }

    @Override
    protected void check(MimallocHeap heap, Ledger ledger) {
        Walk.of(heap).check(ledger);
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.mimalloc.Library#all")
    void changeIsNoDamage(Library library) throws Exception {
        try (LedgerProcess process = library.of("churn").option("threads", 2).start()) {
            changeIsNoDamage(process);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.mimalloc.Library#all")
    void aWalkAllocatesNothing(Library library) throws Exception {
        try (LedgerProcess process = library.of("many").option("count", 100_000).start()) {
            walkAllocatesNothing(process);
        }
    }
}
