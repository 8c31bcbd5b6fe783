// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.allocator.LedgerBlocks;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import dev.heapwalk.testkit.Release;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A word of the page map's root that should lead to no leaf leads somewhere: no block is lost or made up for it. */
class HostileLeafTest {
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Release#debian")
    void costsNothing(Release release) throws Exception {
        try (LedgerProcess process = LedgerProcess.of(release, "threads")
                .preload(LedgerTest.LIBRARY)
                .option("threads", 4)
                .start()) {
            Ledger ledger = process.ledger();
            long root;
            long leaf;
            long free;
            try (Target target = Target.attach(process.pid())) {
                TcmallocHeap heap = TcmallocHeap.locate(target);
                root = root(heap);
                int index = 0;
                while (target.memory().readLong(root + Long.BYTES * index) == 0) {
                    index++;
                }
                leaf = target.memory().readLong(root + Long.BYTES * index);
                free = root + Long.BYTES * (index == 0 ? 1 : index - 1);
                assertThat(target.memory().readLong(free)).isZero();
            }
            long block = ledger.live().getFirst().address() & -Long.BYTES;
            // The same leaf for other pages, the inside of the heap, what can't be read.
            for (long value : new long[] {leaf, block, 0x7fff_ffff_f000L, -1}) {
                process.poke(free, value);
                try (Target target = Target.attach(process.pid())) {
                    TcmallocHeap heap = TcmallocHeap.locate(target);
                    String what = "a word of the root is 0x%x".formatted(value);
                    // If a thread seems to be inside of tcmalloc, it may be a change under way.
                    assertThat(heap.damage().isEmpty()).as(what).isEqualTo(!heap.settled());
                    LedgerBlocks.check(Walk.ofAny(heap).used, ledger, 16);
                } finally {
                    process.poke(free, 0);
                }
            }
            process.check();
        }
    }

    /** As the evidence names it. */
    private static long root(TcmallocHeap heap) {
        return heap.evidence().stream()
                .filter(evidence -> evidence.subject().equals("page map"))
                .map(evidence -> evidence.conclusion())
                .mapToLong(text -> Long.decode(text.substring(0, text.indexOf(','))))
                .findFirst()
                .orElseThrow();
    }
}
