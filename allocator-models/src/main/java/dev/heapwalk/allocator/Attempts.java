// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.memory.Target;
import java.util.Optional;
import java.util.function.Supplier;

/** Looks again where a process runs on, and may change too much at one time. */
public final class Attempts {
    private static final int MOST = 4;

    private Attempts() {}

    /**
     * Looks until something is found, at a target that stands still once.
     *
     * @param target what is looked at
     * @param look one look
     * @param <T> what is found
     * @return what was found, empty if nothing was
     */
    public static <T> Optional<T> at(Target target, Supplier<Optional<T>> look) {
        Optional<T> found = look.get();
        for (int i = 1; found.isEmpty() && !target.still() && i < MOST; i++) {
            found = look.get();
        }
        return found;
    }
}
