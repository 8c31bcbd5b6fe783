// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Stops a process at a moment at which it is at rest: what {@link Target#stop(Rest, Duration)} does. */
final class RestfulStop {
    /** How long the process runs between one look at it and the next, in nanoseconds: a rest may be short. */
    private static final long LOOK_NANOS = 20_000;
    /** How long it runs at least after a stop that was in vain, in nanoseconds: longer than any such stop. */
    private static final long RUN_NANOS = 20_000_000;

    private RestfulStop() {}

    static Target.Stop of(Target target, Rest rest, Duration patience) {
        if (!target.runsOn() || !rest.tells()) {
            return target.stop();
        }
        long until = System.nanoTime() + patience.toNanos();
        while (true) {
            while (!rest.likely() && System.nanoTime() - until < 0) {
                LockSupport.parkNanos(LOOK_NANOS);
            }
            Target.Stop stop = target.stop();
            try {
                if (target.settle(rest) || System.nanoTime() - until >= 0) {
                    return stop;
                }
            } catch (Throwable e) {
                stop.close();
                throw e;
            }
            stop.close();
            LockSupport.parkNanos(RUN_NANOS);
        }
    }
}
