// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import java.util.List;

/**
 * A Mutex. C name {@code rb_mutex_t}.
 *
 * @param address target address of the Mutex
 * @param thread target address of the {@code rb_thread_t} that holds it, 0 if none does
 * @param fiber target address of the {@code struct rb_fiber_struct} that holds it; 0 if none does, or the version keeps
 *     the thread
 * @param waiting target addresses of the {@code rb_thread_t}s that wait for it, the first to get it first
 */
public record Mutex(long address, long thread, long fiber, List<Long> waiting) {
    /**
     * Whether it is locked.
     *
     * @return whether a thread holds it
     */
    public boolean locked() {
        return thread != 0;
    }
}
