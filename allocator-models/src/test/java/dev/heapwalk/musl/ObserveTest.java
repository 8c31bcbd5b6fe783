// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.allocator.WalkedHeap;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A program that allocates and frees without pause, on musl: observed while it runs, and stopped. */
class ObserveTest {
    private static final int LOOKS = 5;

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
                        .start();
                Target target = Target.observe(process.pid())) {
            // So that there is something already.
            process.stop();
            process.go(100);
            process.run();
            MuslHeap heap = MuslHeap.locate(target);
            MuslCursor block = heap.blocks();
            for (int i = 0; i < LOOKS; i++) {
                heap = heap.refresh();
                assertThat(block.rewind(heap)).isTrue();
                long used = 0;
                while (block.next()) {
                    used += block.muslState() == MuslState.USED ? 1 : 0;
                }
                assertThat(used).isPositive();
                assertThat(heap.damage()).isEmpty();
                assertThat(heap.missing()).isEmpty();
                assertThat(block.damage()).isEmpty();
                assertThat(block.leftOutBytes()).isLessThan(block.totalBytes());
                // Stopped in the middle of it, nothing contradicts itself.
                try (Target.Stop _ = target.stop()) {
                    MuslHeap still = heap.refresh();
                    assertThat(still.damage()).isEmpty();
                    assertThat(still.missing()).isEmpty();
                    assertThat(block.rewind(still)).isTrue();
                    while (block.next()) {
                        assertThat(block.size()).isPositive();
                    }
                    assertThat(block.damage()).isEmpty();
                }
                // Where no thread is inside malloc any more, all is whole.
                try (Target.Stop _ = target.stop()) {
                    target.settle(MuslHeap.rest(target));
                    MuslHeap still = heap.refresh();
                    assertThat(still.damage()).isEmpty();
                    assertThat(block.rewind(still)).isTrue();
                    while (block.next()) {
                        assertThat(block.size()).isPositive();
                    }
                    assertThat(block.damage()).isEmpty();
                    if (still.settled()) {
                        assertThat(block.leftOutBytes()).isZero();
                    }
                }
            }
            process.stop();
            Ledger ledger = process.ledger();
            heap = heap.refresh();
            Walk.of(heap).check(ledger);
            block.close();
            process.check();
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void aWalkAllocatesNothing(Release release) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, "many")
                        .musl(false)
                        .option("threads", 2)
                        .option("count", 20_000)
                        .start();
                Target target = Target.attach(process.pid());
                MuslCursor block = MuslHeap.locate(target).blocks()) {
            WalkedHeap.checkAllocatesNothing(block);
        }
    }
}
