// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.heapwalk.heap.BlockCursor;
import dev.heapwalk.heap.Heap;
import java.lang.management.ManagementFactory;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;

/**
 * What a walk over all blocks of a heap tells at its end.
 *
 * @param heap the heap
 * @param leftOut how many bytes were left out
 * @param damages how much damage the heap and the walk tell of
 */
public record WalkedHeap(Heap heap, long leftOut, int damages) {
    private static final int MOST_WALKS = 50;

    /**
     * Walks. Blocks come in the order of their addresses and do not overlap.
     *
     * @param blocks all blocks
     * @param length how far a block reaches at least
     * @param each takes each block
     */
    public static <C extends BlockCursor> WalkedHeap of(
            Heap heap, C blocks, ToLongFunction<C> length, Consumer<C> each) {
        try (blocks) {
            long end = 0;
            while (blocks.next()) {
                assertThat(blocks.address()).isGreaterThanOrEqualTo(end);
                end = blocks.address() + length.applyAsLong(blocks);
                each.accept(blocks);
            }
            assertThat(blocks.walkedBytes()).isEqualTo(blocks.totalBytes());
            return new WalkedHeap(
                    heap,
                    blocks.leftOutBytes(),
                    blocks.damage().size() + heap.damage().size());
        }
    }

    /** Once it is compiled, a walk allocates nothing in the Java heap. */
    public static void checkAllocatesNothing(BlockCursor blocks) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        for (int i = 0; i < MOST_WALKS && least > 0; i++) {
            blocks.rewind();
            long before = threads.getCurrentThreadAllocatedBytes();
            long bytes = 0;
            while (blocks.next()) {
                bytes += blocks.size()
                        + blocks.usableSize()
                        + blocks.nameIndex()
                        + blocks.state().ordinal();
            }
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            assertThat(bytes).isPositive();
        }
        assertThat(least).isZero();
    }

    /** Nothing is damaged or lacks. */
    public void checkSound() {
        assertThat(heap.damage()).isEmpty();
        assertThat(heap.missing()).isEmpty();
        assertThat(damages).isZero();
        assertThat(leftOut).isZero();
    }
}
