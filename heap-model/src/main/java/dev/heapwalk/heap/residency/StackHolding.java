// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Residency;
import dev.heapwalk.memory.ThreadState;
import java.util.Optional;

/**
 * How deep a thread's stack is, in bytes.
 *
 * @param thread the thread
 * @param used how much is in use
 * @param depth how far it has ever reached: to the lowest page that was touched, whether those above it were or not.
 *     Pages that the program gave back with {@code madvise} count as never touched.
 * @param resident how much is in memory
 * @param swapped how much is swapped out
 * @param reserved how far it may reach; of the first thread, how far it has grown
 */
public record StackHolding(ThreadState thread, long used, long depth, long resident, long swapped, long reserved) {

    static Optional<StackHolding> of(ThreadState thread, Residency residency) {
        return thread.wholeStack().map(whole -> {
            long used = thread.stack().map(Range::length).orElse(0L);
            int lowest = residency.at(whole.start());
            long touched = lowest < residency.count()
                    ? Math.max(0, whole.end() - Math.max(whole.start(), residency.start(lowest)))
                    : 0;
            return new StackHolding(
                    thread,
                    used,
                    Math.max(used, touched),
                    residency.bytes(whole.start(), whole.end(), Residency.PRESENT, Residency.ZERO),
                    residency.bytes(whole.start(), whole.end(), Residency.SWAPPED, 0),
                    whole.length());
        });
    }
}
