// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import java.util.List;

/**
 * A Queue or SizedQueue, as it was read.
 *
 * @param address target address of its slot
 * @param items target address of the hidden Array that holds what is in it
 * @param closed whether it was closed
 * @param max how many items a SizedQueue takes, {@link #UNLIMITED} for a Queue
 * @param waiting target addresses of the {@code rb_thread_t}s that wait for an item, the first first
 * @param pushing those that wait until there is room
 */
public record Queue(long address, long items, boolean closed, long max, List<Long> waiting, List<Long> pushing) {
    /** What {@link #max} is where there is no limit. */
    public static final long UNLIMITED = -1;

    /** Takes copies of the lists. */
    public Queue {
        waiting = List.copyOf(waiting);
        pushing = List.copyOf(pushing);
    }
}
