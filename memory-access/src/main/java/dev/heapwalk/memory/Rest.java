// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/**
 * Tells whether a process stands still at a moment at which what is to be read of it is whole: a stop falls anywhere,
 * also into the middle of a change. Asked after each stop while the process stands still, so it must be quick.
 */
@FunctionalInterface
public interface Rest {

    /** What is whole at any moment. */
    Rest ALWAYS = _ -> List.of();

    /**
     * The threads that are in the middle of a change, and have to go on. It may read the target's memory, by the
     * threads' {@link ThreadState#target()}, but must not ask for anything else of it. It is called by a thread of the
     * target's own, by one at a time.
     *
     * @param threads all threads, with their registers
     * @return some of them, empty if the process is at rest
     */
    List<ThreadState> busy(List<ThreadState> threads);

    /**
     * Whether it can tell at all. Where it can't, no thread ever seems to be in the middle of a change.
     *
     * @return true unless it is told otherwise
     */
    default boolean tells() {
        return true;
    }

    /**
     * Whether it is worth while to stop the process now. Asked while it runs on, of what can be told without a stop: a
     * change that goes on for some time, such as a garbage collection. It must be quick, and a read that fails is no
     * reason to wait.
     *
     * @return true unless a stop now would find the process in the middle of a change
     */
    default boolean likely() {
        return true;
    }

    /**
     * Waits, though not for ever, until it is worth while to stop the process: looks at it every 20 microseconds, since
     * a rest may be short. An interrupt does not end that, and is passed on.
     *
     * @param patience for how long
     * @return whether there was anything to wait for
     */
    default boolean await(Duration patience) {
        if (likely()) {
            return false;
        }
        RestfulStop.await(this, RestfulStop.until(patience));
        return true;
    }

    /**
     * What is at rest when this and something else is.
     *
     * @param other the other one
     * @return a new one
     */
    default Rest and(Rest other) {
        Rest one = this;
        return new Rest() {
            @Override
            public List<ThreadState> busy(List<ThreadState> threads) {
                return Stream.concat(one.busy(threads).stream(), other.busy(threads).stream())
                        .distinct()
                        .toList();
            }

            @Override
            public boolean tells() {
                return one.tells() && other.tells();
            }

            @Override
            public boolean likely() {
                return one.likely() && other.likely();
            }
        };
    }
}
