// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.allocator.ObservedHeap;
import dev.heapwalk.allocator.WalkedHeap;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A program that allocates and frees without pause, on musl. */
class ObserveTest extends ObservedHeap<MuslHeap> {
    @Override
    protected MuslHeap locate(Target target) {
        return MuslHeap.locate(target);
    }

    @Override
    protected void checkStopped(MuslHeap still) {
        assertThat(still.missing()).isEmpty();
        assertThat(Walk.ofAny(still).walked.damages()).isZero();
    }

    /** Where no thread is inside malloc any more, all is whole. */
    @Override
    protected void checkMore(Target target, MuslHeap heap) {
        assertThat(heap.missing()).isEmpty();
        try (Target.Stop _ = target.stop()) {
            target.settle(MuslHeap.rest(target));
            MuslHeap still = heap.refresh();
            Walk walk = Walk.ofAny(still);
            assertThat(walk.walked.damages()).isZero();
            if (still.settled()) {
                assertThat(walk.walked.leftOut()).isZero();
            }
        }
    }

    @Override
    protected void check(MuslHeap heap, Ledger ledger) {
        Walk.of(heap).check(ledger);
    }

    static Stream<Arguments> kinds() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of(false, true).map(statically -> Arguments.of(release, statically)));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void changeIsNoDamage(Release release, boolean statically) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, "churn")
                .musl(statically)
                .option("threads", 2)
                .start()) {
            // So that there is something already.
            process.stop();
            process.go(100);
            process.run();
            changeIsNoDamage(process);
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void aWalkAllocatesNothing(Release release) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, "many")
                .musl(false)
                .option("threads", 2)
                .option("count", 20_000)
                .start()) {
            walkAllocatesNothing(process);
        }
    }

    /** What an earlier look found of a group is not read again when the heap is found, but when its slots are. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void aGroupThatIsHarmedBetweenTwoLooksIsTold(Release release) throws Exception {
        try (LedgerProcess process =
                        LedgerProcess.of(release, "basic").musl(false).start();
                Target target = Target.observe(process.pid())) {
            MuslHeap before = MuslHeap.locate(target);
            GroupTable table = before.table();
            int some = 0;
            while (table.isArea(some) || Groups.isNested(table.bits[some])) {
                some++;
            }
            long group = table.groups[some];
            try (Target.Stop _ = target.stop()) {
                assertThat(Walk.ofAny(before.refresh()).walked.damages()).isZero();
            }
            process.poke(group, 8);
            try (Target.Stop _ = target.stop()) {
                MuslHeap still = before.refresh();
                assertThat(still.settled()).isTrue();
                WalkedHeap walked = Walk.ofAny(still).walked;
                assertThat(walked.damages()).isPositive();
                assertThat(walked.leftOut()).isPositive();
            }
            process.poke(group, table.structures[some]);
        }
    }
}
