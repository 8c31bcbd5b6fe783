// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.BlockState;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Ledger;
import dev.heapwalk.testkit.LedgerProcess;
import java.io.IOException;

/**
 * A program that allocates and frees without pause: observed while it runs, and stopped.
 *
 * @param <H> the heap
 */
public abstract class ObservedHeap<H extends LocatedHeap<H>> {
    private static final int LOOKS = 5;

    protected abstract H locate(Target target);

    /** Stopped in the middle of it, nothing contradicts itself. */
    protected abstract void checkStopped(H still);

    /** All is well, and as in the ledger. */
    protected abstract void check(H heap, Ledger ledger);

    /** What else is to be seen of a heap between two looks. */
    protected void checkMore(Target target, H heap) {
        // Nothing else.
    }

    /** Looks at a program that runs, several times, and then at the program that has stopped by itself. */
    protected final void changeIsNoDamage(LedgerProcess process) throws IOException {
        try (Target target = Target.observe(process.pid())) {
            H heap = locate(target);
            SpanCursor<H> block = heap.blocks();
            for (int i = 0; i < LOOKS; i++) {
                heap = heap.refresh();
                assertThat(block.rewind(heap)).isTrue();
                long used = 0;
                while (block.next()) {
                    used += block.state() == BlockState.USED ? 1 : 0;
                }
                assertThat(used).isPositive();
                assertThat(heap.damage()).isEmpty();
                assertThat(block.damage()).isEmpty();
                assertThat(block.leftOutBytes()).isLessThan(block.totalBytes());
                try (Target.Stop _ = target.stop()) {
                    H still = heap.refresh();
                    assertThat(still.damage()).isEmpty();
                    checkStopped(still);
                }
                checkMore(target, heap);
            }
            block.close();
            process.stop();
            check(heap.refresh(), process.ledger());
            process.check();
        }
    }

    /** A walk over a program that has done its work allocates nothing. */
    protected final void walkAllocatesNothing(LedgerProcess process) throws IOException {
        try (Target target = Target.attach(process.pid());
                SpanCursor<H> block = locate(target).blocks()) {
            WalkedHeap.checkAllocatesNothing(block);
        }
    }
}
