// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import java.time.Duration;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * What a process is opened with: how long it may be stopped, and who is told when it was let go before it was closed.
 *
 * <p>A process is let go early, and read no more, in two cases: it has stood still for too long, or a read of it has
 * made no progress for two seconds. The latter is so where a page never comes (of a {@code userfaultfd} that nobody
 * serves, of a file system that hangs, of a driver). Every later read throws; the read that hangs returns when the page
 * comes after all, or when the process ends, since the kernel lets no thread give it up. Who must not wait for that
 * reads in a thread of its own, and goes on when {@code whenLost} is called.
 *
 * @param maxStop the longest that the process may be stopped at a time; zero for no limit
 * @param whenLost called once, in another thread, when the process has been let go early; the exception says why, with
 *     {@link TargetException.Reason#STOPPED_TOO_LONG} or {@link TargetException.Reason#NO_PROGRESS}
 */
public record TargetOptions(Duration maxStop, Consumer<TargetException> whenLost) {

    /** No limit, and nobody is told. */
    public static final TargetOptions DEFAULT = new TargetOptions(Duration.ZERO, _ -> {});

    /**
     * Checks the arguments.
     *
     * @throws IllegalArgumentException if the duration is negative
     */
    public TargetOptions {
        Objects.requireNonNull(whenLost, "whenLost");
        if (maxStop.isNegative()) {
            throw new IllegalArgumentException("a process can't be stopped for " + maxStop);
        }
    }

    /**
     * The same with another limit.
     *
     * @param longest the longest that the process may be stopped at a time; zero for no limit
     * @return new options
     */
    public TargetOptions withMaxStop(Duration longest) {
        return new TargetOptions(longest, whenLost);
    }

    /**
     * The same with somebody else to tell.
     *
     * @param listener called once, in another thread
     * @return new options
     */
    public TargetOptions withWhenLost(Consumer<TargetException> listener) {
        return new TargetOptions(maxStop, listener);
    }
}
