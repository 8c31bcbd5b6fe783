// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A heap that is found again after its process went on, held against the ledger as it is then. */
class RefreshTest {

    static Stream<Arguments> cases() {
        return Release.debian().stream()
                .flatMap(release -> Stream.of("threads", "exits").map(scenario -> Arguments.of(release, scenario)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void whatIsFoundAgainIsTheHeapAsItIsNow(Release release, String scenario) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, scenario).start()) {
            for (MallocHeap.Symbols symbols : MallocHeap.Symbols.values()) {
                try (Target target = Target.observe(process.pid())) {
                    MallocHeap heap = MallocHeap.locate(target, symbols);
                    UsageCursor usage = UsageCursor.over(Heaps.of(heap));
                    for (int round = 0; round < 3; round++) {
                        Ledger before = process.ledger();
                        process.go(2000);
                        Ledger ledger = process.ledger();
                        assertThat(ledger.live()).isNotEqualTo(before.live());
                        heap = heap.refresh();
                        HeapCheck check = new HeapCheck(heap, "found again, symbols " + symbols, ledger);
                        check.everyLiveBlockIsUsed();
                        check.noFreedBlockIsUsed();
                        check.arenasAddUp();
                        check.mallinfoAgrees();
                        usage.refresh();
                        assertThat(byUse(usage))
                                .isEqualTo(byUse(UsageCursor.over(Heaps.of(heap))))
                                .isNotEmpty();
                    }
                }
            }
        }
    }

    private static Map<Object, Long> byUse(UsageCursor usage) {
        Map<Object, Long> bytes = new HashMap<>();
        while (usage.next()) {
            bytes.merge(usage.category() == Category.NONE ? usage.name() : usage.category(), usage.size(), Long::sum);
        }
        return bytes;
    }
}
